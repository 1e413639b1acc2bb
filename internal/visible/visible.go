// Package visible writes text from outside (file names, captions, names of tensors) so that a terminal shows it and does not act on it.
package visible

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with control characters, line breaks, marks that change the direction of writing and bytes that are no UTF-8
// written as escapes.
func Text(s string) string {
	if strings.IndexFunc(s, Hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteString(map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[r])
		case Hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// Hidden tells the characters that act on a terminal instead of being seen. What joins emoji stays.
func Hidden(r rune) bool {
	const lineSeparator, paragraphSeparator, embed, override, isolate, popIsolate = 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069
	return unicode.IsControl(r) || r == lineSeparator || r == paragraphSeparator || embed <= r && r <= override ||
		isolate <= r && r <= popIsolate
}

// Args is Text for the texts among the arguments of a format; line breaks of the format itself stay.
func Args(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = arg(a)
	}
	return out
}

func arg(a any) any {
	switch a := a.(type) {
	case string:
		return Text(a)
	case []byte:
		return Text(string(a))
	case error:
		return Text(a.Error())
	case []string:
		out := make([]string, len(a))
		for i, s := range a {
			out[i] = Text(s)
		}
		return out
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.String {
		return Text(fmt.Sprint(a))
	}
	return a
}

// Log is a handler that makes the messages and values of a log visible before another handler formats them.
type Log struct{ slog.Handler }

// Handle implements slog.Handler.
func (h Log) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(attr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	var out []slog.Attr
	for _, a := range attrs {
		out = append(out, attr(a))
	}
	return Log{h.Handler.WithAttrs(out)}
}

// WithGroup implements slog.Handler.
func (h Log) WithGroup(name string) slog.Handler { return Log{h.Handler.WithGroup(name)} }

// attr takes care, too, of the escape character spelled out: the handler for terminals would make it one.
func attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindString && v.Kind() != slog.KindAny {
		return a
	}
	if s, ok := arg(v.Any()).(string); ok {
		v = slog.StringValue(strings.ReplaceAll(s, `\x1b`, `\u001b`))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

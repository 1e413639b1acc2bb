package main

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible is a text that came from outside (a file name, a caption, a tensor's name) as a terminal may see it: control characters,
// line breaks, marks that change the direction of writing and bytes that are no UTF-8 are written as escapes. All that people read
// goes through it, at a terminal or not; JSON stays exact.
func visible(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
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
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// hidden tells the characters that act on a terminal instead of being seen. What joins emoji stays.
func hidden(r rune) bool {
	const lineSeparator, paragraphSeparator, embed, override, isolate, popIsolate = 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069
	return unicode.IsControl(r) || r == lineSeparator || r == paragraphSeparator || embed <= r && r <= override ||
		isolate <= r && r <= popIsolate
}

// visibleArgs is visible for the texts among the arguments of a format; line breaks of the format itself stay.
func visibleArgs(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = visibleArg(a)
	}
	return out
}

func visibleArg(a any) any {
	switch a := a.(type) {
	case string:
		return visible(a)
	case []byte:
		return visible(string(a))
	case error:
		return visible(a.Error())
	case []string:
		out := make([]string, len(a))
		for i, s := range a {
			out[i] = visible(s)
		}
		return out
	}
	if v := reflect.ValueOf(a); v.Kind() == reflect.String {
		return visible(fmt.Sprint(a))
	}
	return a
}

// visibleLog makes the messages and values of a log for people visible before a handler formats them.
type visibleLog struct{ slog.Handler }

func (h visibleLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, visible(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(visibleAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

func (h visibleLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	var out []slog.Attr
	for _, a := range attrs {
		out = append(out, visibleAttr(a))
	}
	return visibleLog{h.Handler.WithAttrs(out)}
}

func (h visibleLog) WithGroup(name string) slog.Handler { return visibleLog{h.Handler.WithGroup(name)} }

// visibleAttr takes care, too, of the escape character spelled out: the handler for terminals would make it one.
func visibleAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindString && v.Kind() != slog.KindAny {
		return a
	}
	if s, ok := visibleArg(v.Any()).(string); ok {
		v = slog.StringValue(strings.ReplaceAll(s, `\x1b`, `\u001b`))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

package clipbenchmark

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// dump writes a value as Python's json.dump does: a blank after commas and colons, ASCII only.
func dump(b *bytes.Buffer, v any, strict bool) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case string:
		quote(b, v)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int:
		b.WriteString(strconv.Itoa(v))
	case float64:
		switch {
		case math.IsNaN(v) && strict:
			b.WriteString("null")
		case math.IsNaN(v):
			b.WriteString("NaN")
		case math.IsInf(v, 0):
			return fmt.Errorf("a result is infinite")
		default:
			b.WriteString(float(v))
		}
	case []string:
		return dumpList(b, v, strict)
	case []any:
		return dumpList(b, v, strict)
	case Object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			quote(b, m.Key)
			b.WriteString(": ")
			if err := dump(b, m.Value, strict); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		return fmt.Errorf("a result holds a %T", v)
	}
	return nil
}

func dumpList[T any](b *bytes.Buffer, list []T, strict bool) error {
	b.WriteByte('[')
	for i, one := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := dump(b, one, strict); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// lineEnds are the escapes that JSON and Python have in common.
var lineEnds = map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}

// quote writes a text in ASCII, other characters as \u escapes.
func quote(b *bytes.Buffer, text string) {
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case lineEnds[r] != "":
			b.WriteString(lineEnds[r])
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// float is Python's repr: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16 on.
func float(v float64) string {
	if v != 0 && (math.Abs(v) < 1e-4 || math.Abs(v) >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// repr is a value as Python prints it inside of a list or object.
func repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		if math.IsNaN(v) {
			return "nan"
		}
		return float(v)
	case string:
		return reprText(v)
	case []string:
		return reprList(v)
	case []any:
		return reprList(v)
	case Object:
		var parts []string
		for _, m := range v {
			parts = append(parts, reprText(m.Key)+": "+repr(m.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func reprList[T any](list []T) string {
	var parts []string
	for _, one := range list {
		parts = append(parts, repr(one))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// reprText quotes with ' unless the text has one and no ".
func reprText(text string) string {
	mark := '\''
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		mark = '"'
	}
	var b strings.Builder
	b.WriteRune(mark)
	for _, r := range text {
		switch {
		case r == mark || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case lineEnds[r] != "":
			b.WriteString(lineEnds[r])
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(mark)
	return b.String()
}

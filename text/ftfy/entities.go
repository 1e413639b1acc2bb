package ftfy

import (
	"html"
	"strings"
	"unicode/utf8"
)

// Unescape replaces HTML entities as Python's html.unescape does: numbers, and names with a semicolon or, where HTML allows it, without
// one (then the longest match).
func Unescape(text string) string {
	return replaceEntities(text, func(entity string) (string, int) {
		if entity[1] == '#' {
			return numeric(entity)
		}
		return named(entity), len(entity)
	})
}

// unescapeStrict replaces entities that end in a semicolon, and also names in capitals (&EACUTE;). Fix uses it.
func unescapeStrict(text string) string {
	return replaceEntities(text, func(entity string) (string, int) {
		n := len(entity)
		if !strings.HasSuffix(entity, ";") || n > strictLongest+2 {
			return "", 0
		}
		with := named(entity)
		if entity[1] == '#' {
			with, n = numeric(entity)
		} else if with == entity && strings.ToUpper(entity) == entity {
			with = upperNamed(entity)
		}
		if strings.HasSuffix(with, ";") && entity != "&semi;" { // unknown as a whole; ftfy also leaves &#59;
			return "", 0
		}
		return with, n
	})
}

// named replaces the name at the start of an entity; an unknown name is returned unchanged.
func named(entity string) string {
	switch entity { // two names that Go's table doesn't have
	case "&nGt;":
		return "\u226b\u20d2"
	case "&nLt;":
		return "\u226a\u20d2"
	}
	return html.UnescapeString(entity)
}

// upperNamed is the capital of the character that the lower-case entity stands for.
func upperNamed(entity string) string {
	small := named(strings.ToLower(entity))
	if small == "\u00df" {
		return "SS"
	}
	return strings.ToUpper(small)
}

const strictLongest = 24 // characters of an entity that the strict pass looks at

// replaceEntities calls replace for each part that looks like an entity ("&", optionally "#", letters and digits, optionally ";") and
// writes its result. n is the number of replaced bytes; 0 leaves the entity unchanged.
func replaceEntities(text string, replace func(entity string) (with string, n int)) string {
	at := strings.IndexByte(text, '&')
	if at < 0 {
		return text
	}
	var out strings.Builder
	for at >= 0 {
		out.WriteString(text[:at])
		text = text[at:]
		with, n := "", 0
		if end := entityLength(text); end > 2 {
			with, n = replace(text[:end])
		}
		if n == 0 {
			with, n = "&", 1
		}
		out.WriteString(with)
		text = text[n:]
		at = strings.IndexByte(text, '&')
	}
	out.WriteString(text)
	return out.String()
}

// entityLength is how many bytes from the ampersand on may be an entity.
func entityLength(text string) int {
	n := 1
	if n < len(text) && text[n] == '#' {
		n++
	}
	for n < len(text) && alphanumeric(text[n]) {
		n++
	}
	if n < len(text) && text[n] == ';' {
		n++
	}
	return n
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// numeric returns the character of "&#", "&#x" and digits, and how many bytes those take with their semicolon.
func numeric(entity string) (string, int) {
	n, base := len("&#"), rune(10)
	if entity[n]|0x20 == 'x' {
		n, base = n+1, 16
	}
	first, r := n, rune(0)
	for ; n < len(entity); n++ {
		d := digit(entity[n])
		if d >= base {
			break
		}
		r = min(r*base+d, utf8.MaxRune+1)
	}
	if n == first {
		return "", 0
	}
	if n < len(entity) && entity[n] == ';' {
		n++
	}
	return numbered(r), n
}

// digit is a hexadecimal digit's value, 16 for anything else.
func digit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return 16
}

// numbered is the character of a numeric entity by HTML's rules: the C1 range is Windows-1252, invalid code points become U+FFFD, and
// forbidden ones are dropped.
func numbered(r rune) string {
	switch {
	case r == 0, r > utf8.MaxRune, 0xd800 <= r && r <= 0xdfff:
		return "\ufffd"
	case 0x80 <= r && r <= 0x9f:
		return string(windows1252.decode[r-0x80])
	case r < 0x20 && r != '\t' && r != '\n' && r != '\f' && r != '\r', r == 0x7f,
		0xfdd0 <= r && r <= 0xfdef, r&0xfffe == 0xfffe:
		return ""
	}
	return string(r)
}

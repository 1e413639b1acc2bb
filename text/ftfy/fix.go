package ftfy

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxPasses bounds how often a line is repaired. A pass undoes one layer of damage; three layers are rare.
const maxPasses = 12

// Fix repairs a text as ftfy.fix_text does, each line by itself. It replaces HTML entities, unless the text has a "<" and
// so may be HTML; reads mojibake as the UTF-8 that it was; replaces curly quotes, ligatures and width variants by plain
// characters; removes control characters and terminal escapes; and composes accents (NFC). Bytes that are not UTF-8 become
// U+FFFD.
func Fix(text string) string {
	if Simple(text) {
		return text
	}
	text = ReplaceInvalid(text)
	entities := !strings.Contains(text, "<")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		for range maxPasses {
			fixed := line
			if entities {
				fixed = unescapeStrict(fixed)
			}
			fixed = norm.NFC.String(plain(fixMojibake(fixed)))
			if fixed == line {
				break
			}
			line = fixed
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// Simple reports whether a text consists of printable ASCII without an ampersand and of white space. Fix and Unescape
// return such a text as it is.
func Simple(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c == '&' || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

// plain drops control characters and terminal escapes and replaces each character that has a plain equivalent.
func plain(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == 0x1b:
			n = escapeLength(text)
		case dropped(r):
		case r < 0x7f:
			out.WriteByte(byte(r))
		default:
			out.WriteString(plainRune(r))
		}
		text = text[n:]
	}
	return out.String()
}

// escapeLength is the length of the terminal escape that the text begins with: ESC [ numbers letter, else ESC alone.
func escapeLength(text string) int {
	n := 1
	if !strings.HasPrefix(text[n:], "[") {
		return n
	}
	for n++; n < len(text); n++ {
		switch c := text[n]; {
		case '0' <= c && c <= '9', c == ';':
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			return n + 1
		default:
			return 1
		}
	}
	return 1
}

// dropped reports whether a character has no meaning in a caption: controls other than white space, deprecated format characters, the
// byte order mark, interlinear annotation.
func dropped(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\f', r == '\r':
		return false
	case r < 0x20, r == 0x7f, 0x206a <= r && r <= 0x206f, r == 0xfeff, 0xfff9 <= r && r <= 0xfffc:
		return true
	}
	return false
}

// plainRune spells a character plainly: straight quotes, no ligatures, no width variants, Windows-1252 for C1.
func plainRune(r rune) string {
	if 0x80 <= r && r < 0xa0 {
		r = windows1252.decode[r-0x80]
	}
	switch {
	case r == 0x02bc, 0x2018 <= r && r <= 0x201b:
		return "'"
	case 0x201c <= r && r <= 0x201f:
		return `"`
	case r == 0x0149:
		return "'n"
	case r == 0x2028, r == 0x2029:
		return "\n"
	case r == 0x0132, r == 0x0133, 0x01c4 <= r && r <= 0x01cc, 0x01f1 <= r && r <= 0x01f3, 0xfb00 <= r && r <= 0xfb06,
		r == 0x3000, 0xff01 <= r && r <= 0xffef:
		return compatible(r)
	}
	return string(r)
}

// compatible is Unicode's compatibility decomposition, except that the long s of a ligature is kept.
func compatible(r rune) string {
	if r == 0xfb05 {
		return "\u017ft"
	}
	return norm.NFKC.String(string(r))
}

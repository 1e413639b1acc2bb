package ftfy

import (
	"strings"
	"unicode/utf8"
)

// ReplaceInvalid puts U+FFFD in place of bytes that are not UTF-8: one for each longest start of a character, as Python's
// decoder with errors="replace" does.
func ReplaceInvalid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			n = invalidLength(text)
		}
		out.WriteRune(r)
		text = text[n:]
	}
	return out.String()
}

// invalidLength is the length of the unfinished character that the text begins with, at least 1.
func invalidLength(text string) int {
	n := 1
	for n < len(text) && !utf8.FullRuneInString(text[:n+1]) {
		n++
	}
	return n
}

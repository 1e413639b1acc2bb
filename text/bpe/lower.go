package bpe

import (
	"unicode"
	"unicode/utf8"
)

// appendLower appends the text in lower case, as Python's str.lower() does: a capital sigma at the end of a word becomes a final sigma, and
// the dotted capital I becomes i and a combining dot above.
func appendLower(dst []byte, text string) []byte {
	for i, r := range text {
		switch {
		case r < utf8.RuneSelf:
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			dst = append(dst, byte(r))
		case r == '\u0130':
			dst = append(dst, "i\u0307"...)
		case r == '\u03a3' && endsWord(text, i):
			dst = append(dst, "\u03c2"...)
		default:
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}

// endsWord reports whether the capital sigma at i has a letter before it and none after it, ignoring marks and the like (Unicode's
// Final_Sigma).
func endsWord(text string, i int) bool {
	before := text[:i]
	for len(before) > 0 {
		r, n := utf8.DecodeLastRuneInString(before)
		if !ignorable(r) {
			break
		}
		before = before[:len(before)-n]
	}
	if r, _ := utf8.DecodeLastRuneInString(before); !cased(r) {
		return false
	}
	for _, r := range text[i+len("\u03a3"):] {
		if !ignorable(r) {
			return !cased(r)
		}
	}
	return true
}

// cased is Unicode's Cased.
func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase)
}

// ignorable is Unicode's Case_Ignorable.
func ignorable(r rune) bool {
	switch r {
	case '\'', '.', ':', '\u00b7', '\u0387', '\u055f', '\u05f4', '\u2018', '\u2019', '\u2024', '\u2027',
		'\ufe13', '\ufe52', '\ufe55', '\uff07', '\uff0e', '\uff1a':
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

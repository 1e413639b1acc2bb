package bpe

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	stackSize = 512     // bytes of a clean caption that need no allocation
	longest   = 1 << 16 // bytes of a caption that FillCut reads
)

// appendClean appends the caption as the split wants it: repaired, HTML entities replaced twice more, white space
// collapsed, lower-case. Printable ASCII without an ampersand needs only the last two.
func appendClean(dst []byte, text string) []byte {
	if simple(text) {
		return appendLowerASCII(dst, text)
	}
	return appendLower(dst, Collapse(Repair(text)))
}

// simple says whether the repair leaves a text alone.
func simple(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c == '&' || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}

func appendLowerASCII(dst []byte, text string) []byte {
	dst = slices.Grow(dst, len(text))
	blank := true
	for i := range len(text) {
		c := text[i]
		if c <= ' ' {
			if !blank {
				dst = append(dst, ' ')
			}
			blank = true
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
		blank = false
	}
	if blank && len(dst) > 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// IsSpace reports whether r is white space to Python: what str.split() splits at and str.strip() cuts.
func IsSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

// readable returns the part of a caption that FillCut reads: all, or 64 KiB with each run of white space counted once,
// less the word that is cut there.
func readable(text string) string {
	if len(text) <= longest {
		return text
	}
	count, lastSpace, blank := 0, 0, false
	for i, r := range text {
		space := IsSpace(r)
		if space && !blank {
			lastSpace = i
		}
		if !space || !blank {
			count += utf8.RuneLen(r)
		}
		if blank = space; count <= longest {
			continue
		}
		if lastSpace > 0 {
			return text[:lastSpace]
		}
		return text[:i]
	}
	return text
}

// replaceInvalid puts U+FFFD in place of what is no UTF-8: one for each longest start of a character, as Python's
// errors="replace" does.
func replaceInvalid(text string) string {
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

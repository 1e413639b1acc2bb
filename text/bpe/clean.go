package bpe

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"clipgo/text/ftfy"
)

const (
	stackSize = 512     // bytes of a clean caption that need no allocation
	longest   = 1 << 16 // bytes of a caption that FillCut reads
)

// appendClean appends the cleaned caption: repaired, HTML entities unescaped twice more, white space collapsed, lower-case. Printable
// ASCII without an ampersand needs only the last two steps.
func appendClean(dst []byte, text string) []byte {
	if ftfy.Simple(text) {
		return appendLowerASCII(dst, text)
	}
	return appendLower(dst, Collapse(Repair(text)))
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

// readable returns the part of a caption that FillCut reads: all of it, or 64 KiB with each run of white space counted once, without the
// word that the limit cuts.
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

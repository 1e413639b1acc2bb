package bpe

import (
	"strings"
	"unicode/utf8"
)

// fixMojibake undoes UTF-8 that was read as another encoding, as often as it was. It changes only what looks wrong and,
// encoded again, is UTF-8.
func fixMojibake(text string) string {
	for range rounds {
		fixed := fixLayer(text)
		if fixed == text {
			break
		}
		text = fixed
	}
	return text
}

func fixLayer(text string) string {
	if !suspicious(text) {
		return text
	}
	for _, c := range charsets() {
		if fixed, ok := c.reread(text); ok {
			return fixed
		}
	}
	return fixPieces(text)
}

// fixPieces is for a text that isn't misread as a whole: it looks for runs of characters each of which is UTF-8 in some
// encoding.
func fixPieces(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		fixed, n := fixRun(text)
		if n > 0 && suspicious(text[:n]) {
			out.WriteString(fixed)
			text = text[n:]
			continue
		}
		_, n = utf8.DecodeRuneInString(text)
		out.WriteString(text[:n])
		text = text[n:]
	}
	return out.String()
}

// fixRun rereads the misread characters that the text begins with; n is their length, 0 if there are none.
func fixRun(text string) (fixed string, n int) {
	var out []byte
	for {
		r, size := firstOf(text[n:])
		if size == 0 {
			return string(out), n
		}
		out = utf8.AppendRune(out, r)
		n += size
	}
}

func firstOf(text string) (rune, int) {
	if text == "" || text[0] < utf8.RuneSelf {
		return 0, 0
	}
	for _, c := range charsets() {
		if c.habits&mixed == 0 {
			continue
		}
		if r, n := c.first(text); n > 0 {
			return r, n
		}
	}
	return 0, 0
}

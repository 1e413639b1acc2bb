package ftfy

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// fixMojibake undoes UTF-8 that was read as another encoding, as often as it was. It changes only what looks wrong and,
// encoded again, is UTF-8.
func fixMojibake(text string) string {
	for range maxPasses {
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
	for at := 0; at < len(text); {
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		fixed, n := "", 0
		if !continues()[before] {
			fixed, n = fixStart(text[at:])
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(text[at:])
			fixed = text[at : at+n]
		}
		out.WriteString(fixed)
		at += n
	}
	return out.String()
}

// fixStart rereads what the text begins with if that is suspicious: a run, or half of an a with grave or of a no-break
// space, the other half having become the blank behind it. n is its length, 0 if it's neither.
func fixStart(text string) (fixed string, n int) {
	switch fixed, n = fixRun(text); {
	case n > 0 && suspicious(text[:n]):
		return fixed, n
	case strings.HasPrefix(text, "Ã "):
		return "à", len("Ã")
	case strings.HasPrefix(text, "Â "):
		return "\u00a0", len("Â")
	}
	return "", 0
}

// fixRun rereads the misread characters that the text begins with, all in one encoding if there is one; n is their length,
// 0 if there are none.
func fixRun(text string) (fixed string, n int) {
	var out []byte
	for {
		r, size := first(text[n:])
		if size == 0 {
			break
		}
		out = utf8.AppendRune(out, r)
		n += size
	}
	for _, c := range charsets() {
		if fixed, ok := c.reread(text[:n]); ok {
			return fixed, n
		}
	}
	return string(out), n
}

// first rereads the first character of the text in the likeliest encoding; n is its length, 0 if it isn't misread.
func first(text string) (r rune, n int) {
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

// continues holds the characters behind which a run can't begin, as they may be the middle of one: all that read as bytes
// 80 to BF, but dashes, quotes and the like, which precede anything.
var continues = sync.OnceValue(func() map[rune]bool {
	set := map[rune]bool{}
	for _, c := range charsets() {
		for _, r := range c.decode[:0x40] {
			if c.habits&mixed != 0 && !strings.ContainsRune("\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026", r) {
				set[r] = true
			}
		}
	}
	return set
})

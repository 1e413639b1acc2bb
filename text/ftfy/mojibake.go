package ftfy

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// fixMojibake repairs UTF-8 that was decoded as another encoding, once or several times. It changes only text that looks wrong and is valid
// UTF-8 when encoded again.
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

// fixPieces repairs a text of which only parts are misread: it looks for runs of characters that are UTF-8 in some encoding.
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

// fixStart repairs the start of the text if it is suspicious: a misread run, or half of an a with grave or of a no-break space, whose other
// half became the blank after it. n is the length of the repaired part, 0 if there is none.
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

// fixRun repairs the misread characters at the start of the text, all in one encoding if possible; n is their length, 0 if there are none.
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

// first decodes the first character of the text by the likeliest encoding; n is its length, 0 if it isn't misread.
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

// continues holds the characters after which a run can't begin, since they may be in the middle of one: all that encode to bytes 80
// to BF, except dashes, quotes and the like, after which anything can follow.
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

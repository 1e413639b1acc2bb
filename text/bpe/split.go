package bpe

import (
	"unicode"
	"unicode/utf8"
)

const (
	startText = "<start_of_text>"
	endText   = "<end_of_text>"
)

// kind is the kind of characters that a word consists of.
type kind uint8

const (
	blank kind = iota
	letters
	number
	symbols
	special // spelled as a special id
)

// word is a part of the cleaned text that is merged separately.
type word struct {
	kind kind
	text []byte
}

// asciiKind is the kind of each ASCII character.
var asciiKind = func() (table [utf8.RuneSelf]kind) {
	for c := range table {
		table[c] = runeKind(rune(c))
	}
	return table
}()

func runeKind(r rune) kind {
	switch {
	case unicode.IsLetter(r):
		return letters
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return blank
	}
	return symbols
}

// kindAt is the kind of the first character and its length.
func kindAt(text []byte) (kind, int) {
	if text[0] < utf8.RuneSelf {
		return asciiKind[text[0]], 1
	}
	r, n := utf8.DecodeRune(text)
	return runeKind(r), n
}

// next splits the first word off a text that isn't empty: a special token, the ending of an English contraction, a run of letters, one
// number character, or a run of other characters except white space. Marks are not letters, so they split the words of many scripts.
// Each run of white space in text is a single blank.
func next(text []byte) (word, []byte) {
	switch text[0] {
	case '<':
		for _, s := range [...]string{startText, endText} {
			if n := foldPrefix(text, s); n > 0 {
				return word{special, text[:n]}, text[n:]
			}
		}
	case '\'':
		for _, s := range [...]string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
			if n := foldPrefix(text, s); n > 0 {
				return word{letters, text[:n]}, text[n:]
			}
		}
	}
	first, n := kindAt(text)
	for n < len(text) && first != number {
		k, size := kindAt(text[n:])
		if k != first {
			break
		}
		n += size
	}
	return word{first, text[:n]}, text[n:]
}

// foldPrefix returns how many bytes of the lower-case text spell the ASCII prefix, 0 if they don't. The long s counts as
// an s: lower-casing leaves it and the pattern ignores case.
func foldPrefix(text []byte, prefix string) int {
	const longS = "\u017f"
	n := 0
	for i := range len(prefix) {
		switch rest := text[n:]; {
		case len(rest) > 0 && rest[0] == prefix[i]:
			n++
		case prefix[i] == 's' && len(rest) >= len(longS) && string(rest[:len(longS)]) == longS:
			n += len(longS)
		default:
			return 0
		}
	}
	return n
}

var (
	startIDs = []int32{Start}
	endIDs   = []int32{End}
)

// specialID returns the id of a special token that is spelled exactly; with a long s it is an ordinary word.
func specialID(text []byte) ([]int32, bool) {
	switch string(text) {
	case startText:
		return startIDs, true
	case endText:
		return endIDs, true
	}
	return nil, false
}

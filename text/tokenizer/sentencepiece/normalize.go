package sentencepiece

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"clipgo/text/tokenizer/trie"
)

// space is the character that represents a blank in pieces (U+2581).
const space = "\u2581"

// Longest is the number of bytes that a text of n bytes may have after normalization. Rules of NFKC make a text at most 11 times as long;
// a tokenizer that was made to take memory makes it millions of times as long. The tokens behind the limit are behind every context length.
func Longest(n int) int { return 1<<16 + 16*n }

// normalizer is a NormalizerSpec.
type normalizer struct {
	rules       *Charsmap  // nil: no replacements
	symbols     *trie.Trie // user-defined pieces, to which the rules don't apply
	dummyPrefix bool       // add a blank before the text
	removeExtra bool       // remove blanks at the ends and repeated ones
	escape      bool       // replace blanks by U+2581
	suffix      bool       // add the dummy blank after the text
}

// prefix returns the replacement of the text's first characters, and their length in bytes.
func (z *normalizer) prefix(text string) (becomes string, n int) {
	if _, n := z.symbols.Longest(text); n > 0 {
		return text[:n], n
	}
	if z.rules != nil {
		if with, n := z.rules.Longest(text); n > 0 {
			return with, n
		}
	}
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && n == 1 {
		return string(utf8.RuneError), 1
	}
	return text[:n], n
}

// append appends the normalized text.
func (z *normalizer) append(dst []byte, text string) []byte {
	if text = z.trimStart(text); text == "" {
		return dst
	}
	start, blank, most := len(dst), z.blank(), Longest(len(text))
	if z.dummyPrefix && !z.suffix {
		dst = append(dst, blank...)
	}
	afterBlank := z.removeExtra
	for len(text) > 0 && len(dst)-start < most {
		becomes, n := z.prefix(text)
		text = text[n:]
		if afterBlank {
			becomes = strings.TrimLeft(becomes, " ")
		}
		if becomes == "" {
			continue
		}
		dst = z.write(dst, becomes)
		afterBlank = z.removeExtra && strings.HasSuffix(becomes, " ")
	}
	if z.removeExtra {
		for bytes.HasSuffix(dst[start:], []byte(blank)) {
			dst = dst[:len(dst)-len(blank)]
		}
	}
	if z.dummyPrefix && z.suffix {
		dst = append(dst, blank...)
	}
	return dst
}

// trimStart removes leading blanks if removeExtra is set.
func (z *normalizer) trimStart(text string) string {
	for z.removeExtra && text != "" {
		becomes, n := z.prefix(text)
		if becomes != " " {
			break
		}
		text = text[n:]
	}
	return text
}

func (z *normalizer) blank() string {
	if z.escape {
		return space
	}
	return " "
}

// write appends normalized characters, with blanks escaped.
func (z *normalizer) write(dst []byte, text string) []byte {
	if !z.escape || strings.IndexByte(text, ' ') < 0 {
		return append(dst, text...)
	}
	for i := range len(text) {
		if text[i] == ' ' {
			dst = append(dst, space...)
			continue
		}
		dst = append(dst, text[i])
	}
	return dst
}

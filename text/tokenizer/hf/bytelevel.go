package hf

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"clipgo/text/tokenizer/trie"
)

// byteLevel splits a text as GPT-2 does and writes each byte of UTF-8 as a printable character.
type byteLevel struct {
	prefix bool // a blank is put before a piece that begins with none
	split  bool
}

func readByteLevel(raw json.RawMessage) (byteLevel, error) {
	spec := struct {
		Type   string `json:"type"`
		Prefix bool   `json:"add_prefix_space"`
		Trim   bool   `json:"trim_offsets"` // positions aren't used
		Split  *bool  `json:"use_regex"`
	}{Prefix: true}
	err := strict(raw, &spec)
	return byteLevel{spec.Prefix, spec.Split == nil || *spec.Split}, err
}

func (b byteLevel) cut(dst []piece, p piece) []piece {
	text := p.text
	if b.prefix && text != "" && !strings.HasPrefix(text, " ") {
		text = " " + text
	}
	for start := 0; start < len(text); {
		end := len(text)
		if b.split {
			end = start + gpt2Word(text[start:])
		}
		dst = append(dst, piece{text: visible(text[start:end]), id: trie.None, first: p.first && start == 0})
		start = end
	}
	return dst
}

// contractions are the English ones that stay whole.
var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// gpt2Word is the length of the word that a text begins with, as GPT-2's pattern has it:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func gpt2Word(text string) int {
	for _, c := range contractions {
		if strings.HasPrefix(text, c) {
			return len(c)
		}
	}
	blank := 0
	if text[0] == ' ' {
		blank = 1
	}
	for _, kind := range []func(rune) bool{unicode.IsLetter, unicode.IsNumber, isOther} {
		if n := runOf(text[blank:], kind); n > 0 {
			return blank + n
		}
	}
	spaces := runOf(text, unicode.IsSpace)
	if spaces == len(text) {
		return spaces
	}
	// The last white space before a word belongs to what follows, if there are several.
	_, last := utf8.DecodeLastRuneInString(text[:spaces])
	if spaces > last {
		return spaces - last
	}
	return spaces
}

func isOther(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r) }

// runOf is the length of the characters of a kind that a text begins with.
func runOf(text string, kind func(rune) bool) int {
	for i, r := range text {
		if !kind(r) {
			return i
		}
	}
	return len(text)
}

// byteRunes are the characters that stand for bytes: printable Latin-1 for itself, the others in order from U+0100 on.
var byteRunes = func() (out [256]rune) {
	next := rune(256)
	for b := range out {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			out[b] = rune(b)
			continue
		}
		out[b] = next
		next++
	}
	return out
}()

// visible writes each byte as its character.
func visible(text string) string {
	var out strings.Builder
	out.Grow(2 * len(text))
	for i := range len(text) {
		out.WriteRune(byteRunes[text[i]])
	}
	return out.String()
}

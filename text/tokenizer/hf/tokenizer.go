// Package hf encodes text as a tokenizer.json of Hugging Face's tokenizers library says: BPE with bytes for what is unknown
// (Gemma, SigLIP 2) and unigram models (T5, SigLIP), with the normalizers and pre-tokenizers that those use.
//
// What a file asks for and this package lacks is an error that names it, never left out. Method: Sennrich, Haddow and
// Birch, ACL 2016 (BPE); Kudo, ACL 2018 (unigram). Reference: github.com/huggingface/tokenizers, version 0.23.
package hf

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"clipgo/text/tokenizer/trie"
)

// Tokenizer is what a tokenizer.json describes; it is safe for concurrent use.
type Tokenizer struct {
	raw, normalized *addedTokens // tokens that are found before and after normalization
	normalize       rewrite
	cut             []splitter
	model           model
	size            int
	ids             map[string]int32 // of added tokens
	prefix, suffix  []int32
	padding         int32
}

// model turns a stretch of text into ids.
type model interface {
	append(dst []int32, text string) []int32
	id(token string) (int32, bool)
	size() int
}

// piece is a stretch of the text on its way through the pipeline.
type piece struct {
	text  string
	id    int32 // of an added token; trie.None where it is text still
	first bool  // it begins where the caption begins
}

// Read reads a tokenizer.json.
func Read(data []byte) (*Tokenizer, error) {
	t, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

// Append appends the ids of a text, without the template's special tokens. Bytes that are no UTF-8 count as U+FFFD.
func (t *Tokenizer) Append(dst []int32, text string) []int32 {
	if !utf8.ValidString(text) {
		text = string([]rune(text))
	}
	for _, p := range t.pieces(text) {
		if p.id != trie.None {
			dst = append(dst, p.id)
			continue
		}
		dst = t.model.append(dst, p.text)
	}
	return dst
}

// pieces takes a text through added tokens, normalizer and pre-tokenizers.
func (t *Tokenizer) pieces(text string) []piece {
	all := t.raw.split(nil, piece{text: text, id: trie.None, first: true})
	var next []piece
	for _, p := range all {
		if p.id == trie.None {
			p.text, p.first = t.normalize(p.text, p.first)
			next = t.normalized.split(next, p)
			continue
		}
		next = append(next, p)
	}
	for _, cut := range t.cut {
		all, next = next, all[:0:0]
		for _, p := range all {
			if p.id != trie.None {
				next = append(next, p)
				continue
			}
			next = cut(next, p)
		}
	}
	return next
}

// Lowercase returns a tokenizer that makes text lower case before everything else but the added tokens that are sought
// before normalization, as transformers' Siglip2Tokenizer does.
func (t *Tokenizer) Lowercase() (*Tokenizer, error) {
	if len(t.normalized.list) > 0 {
		return nil, errors.New("tokenizer.json: lower case with added tokens that are normalized isn't supported")
	}
	c, normalize := *t, t.normalize
	c.normalize = func(text string, first bool) (string, bool) { return normalize(lower(text, first)) }
	return &c, nil
}

// Size is one more than the largest id.
func (t *Tokenizer) Size() int {
	return t.size
}

// ID returns the id of a token.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.ids[token]; ok {
		return id, true
	}
	return t.model.id(token)
}

// Template returns what the file puts before and after each text, not to be changed.
func (t *Tokenizer) Template() (prefix, suffix []int32) {
	return t.prefix, t.suffix
}

// Padding is the file's id for padding, -1 if it has none.
func (t *Tokenizer) Padding() int32 {
	return t.padding
}

// Package hf encodes text with a tokenizer.json of Hugging Face's tokenizers library: BPE with byte fallback (Gemma, SigLIP 2) and unigram
// models (T5, SigLIP), with the normalizers and pre-tokenizers that those use.
//
// A feature that this package doesn't have is an error that names it; none is ignored. Method: Sennrich, Haddow and Birch, ACL 2016
// (BPE); Kudo, ACL 2018 (unigram). Reference: github.com/huggingface/tokenizers, version 0.23.
package hf

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"clipgo/text/tokenizer/sentencepiece"
	"clipgo/text/tokenizer/trie"
)

// Tokenizer is the tokenizer of a tokenizer.json; it is safe for concurrent use.
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

// model encodes a piece of text.
type model interface {
	append(dst []int32, text string) []int32
	id(token string) (int32, bool)
	size() int
}

// piece is a part of the text in the pipeline.
type piece struct {
	text  string
	id    int32 // of an added token; trie.None for text
	first bool  // at the start of the caption
}

// Read reads a tokenizer.json.
func Read(data []byte) (*Tokenizer, error) {
	t, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

// Append appends the ids of a text, without the template's special tokens. Invalid UTF-8 is treated as U+FFFD.
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

// pieces applies added tokens, normalizer and pre-tokenizers to a text.
func (t *Tokenizer) pieces(text string) []piece {
	all := t.raw.split(nil, piece{text: text, id: trie.None, first: true})
	var next []piece
	left := sentencepiece.Longest(len(text))
	for _, p := range all {
		if p.id == trie.None {
			p.text, p.first = t.normalize(p.text, p.first, left)
			left -= len(p.text)
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

// Lowercase returns a tokenizer that lower-cases text, after the added tokens that are matched before normalization and before all other
// steps, as transformers' Siglip2Tokenizer does.
func (t *Tokenizer) Lowercase() (*Tokenizer, error) {
	if len(t.normalized.list) > 0 {
		return nil, errors.New("tokenizer.json: lower case with added tokens that are normalized isn't supported")
	}
	c, normalize := *t, t.normalize
	c.normalize = func(text string, first bool, most int) (string, bool) {
		text, first = lower(text, first, most)
		return normalize(text, first, most)
	}
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

// Template returns the ids that the file adds before and after each text. The caller must not change them.
func (t *Tokenizer) Template() (prefix, suffix []int32) {
	return t.prefix, t.suffix
}

// Padding is the file's id for padding, -1 if it has none.
func (t *Tokenizer) Padding() int32 {
	return t.padding
}

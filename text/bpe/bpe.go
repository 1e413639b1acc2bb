// Package bpe is CLIP's byte-pair tokenizer: it encodes captions as ids for the text tower.
//
// It follows open_clip's SimpleTokenizer with clean="lower": the caption is repaired (package ftfy), lower-cased, split
// into words (split.go), and each word's bytes are joined by the merges of OpenAI's vocabulary (merge.go).
package bpe

import (
	"strings"

	"clipgo/text/ftfy"
)

const (
	// Start is the id of the start-of-text token.
	Start = 49406
	// End is the id of the end-of-text token, at which the text tower pools.
	End = 49407
	// VocabSize is the number of ids.
	VocabSize = 49408
)

// Tokenizer encodes captions; it is safe for concurrent use.
type Tokenizer struct {
	vocab *vocabulary
	cache *cache
}

// New returns a tokenizer. The vocabulary is read once for the process; each tokenizer has its own cache of words, of a few megabytes at
// most.
func New() *Tokenizer {
	return &Tokenizer{vocab: loaded(), cache: newCache()}
}

// Encode returns the ids of a caption, without start, end, padding or truncation.
func (t *Tokenizer) Encode(text string) []int32 {
	var stack [stackSize]byte
	clean := appendClean(stack[:0], text)
	ids := make([]int32, 0, len(clean)/3+1)
	for len(clean) > 0 {
		var w word
		if w, clean = next(clean); w.kind == blank {
			continue
		}
		ids = append(ids, t.ids(w)...)
	}
	return ids
}

// Fill writes Start, the caption's ids, End and zeros to ids, whose length is the context length. It returns the number of ids before
// the zeros. A caption that is too long is truncated, as in open_clip: the last id is End.
func (t *Tokenizer) Fill(ids []int32, text string) int {
	n, _ := t.FillCut(ids, text)
	return n
}

// FillCut is Fill that also reports whether the caption was truncated.
//
// It reads at most 64 KiB of a caption (a run of white space counts as one byte), up to white space if there is any: the 77 ids of a
// context cover at most 2,400 bytes of words.
func (t *Tokenizer) FillCut(ids []int32, text string) (n int, cut bool) {
	if len(ids) == 0 {
		return 0, text != ""
	}
	var stack [stackSize]byte
	clean := appendClean(stack[:0], readable(text))
	ids[0], n = Start, 1
	for len(clean) > 0 && !cut {
		var w word
		if w, clean = next(clean); w.kind == blank {
			continue
		}
		body := t.ids(w)
		k := copy(ids[n:], body)
		n += k
		cut = k < len(body)
	}
	if n == len(ids) {
		n, cut = n-1, true
	}
	ids[n] = End
	clear(ids[n+1:])
	return n + 1, cut
}

// ids returns a word's ids, which the caller must not change.
func (t *Tokenizer) ids(w word) []int32 {
	if w.kind == special {
		if id, ok := specialID(w.text); ok {
			return id
		}
	}
	if ids := t.cache.get(w.text); ids != nil {
		return ids
	}
	ids := t.vocab.merge(w.text)
	t.cache.put(w.text, ids)
	return ids
}

// Decode returns the text of ids. It omits Start, stops at End, and replaces invalid UTF-8 by U+FFFD. It panics on an id outside of
// the vocabulary. The text is lower-case, and its words are separated by single spaces.
func (t *Tokenizer) Decode(ids []int32) string {
	var out strings.Builder
	for _, id := range ids {
		if id == End {
			break
		}
		if id != Start {
			out.WriteString(t.vocab.pieces[id])
		}
	}
	return strings.TrimSuffix(ftfy.ReplaceInvalid(out.String()), " ")
}

// Fingerprint identifies the vocabulary: tokenizers with the same fingerprint give a word the same ids.
func (t *Tokenizer) Fingerprint() string {
	return t.vocab.fingerprint
}

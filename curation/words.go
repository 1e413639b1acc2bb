package curation

import (
	"context"
	"fmt"

	"clipgo/internal/fault"
	"clipgo/internal/vec"
)

// Texts makes features of texts in the space of a collection, [len(texts), Dim], normalized or not.
type Texts interface {
	EmbedTexts(ctx context.Context, texts []string) ([]float32, error)
}

// wordPrompt is the text that stands for a word: models have seen captions, not lists of words.
const wordPrompt = "a photo of %s"

// NameBy gives each group the words of a vocabulary that distinguish it, each at most, as Name does.
func (k *Clusters) NameBy(ctx context.Context, words []string, texts Texts, each int) ([][]string, error) {
	const batch = 64
	var features []float32
	for from := 0; from < len(words); from += batch {
		var prompts []string
		for _, w := range words[from:min(from+batch, len(words))] {
			prompts = append(prompts, fmt.Sprintf(wordPrompt, w))
		}
		rows, err := texts.EmbedTexts(ctx, prompts)
		if err != nil {
			return nil, err
		}
		features = append(features, rows...)
	}
	if len(k.Centers) == 0 || len(words) == 0 {
		return make([][]string, len(k.Centers)), nil
	}
	dim := len(features) / len(words)
	if dim != len(k.Centers[0]) {
		return nil, fault.Dataf("the words have features of %d entries, the pictures of %d", dim, len(k.Centers[0]))
	}
	unit := make([]float64, dim)
	for i := range words {
		row := features[i*dim : (i+1)*dim]
		vec.Unit(unit, row)
		copy(row, vec.Direction(unit))
	}
	return k.Name(words, features, each), nil
}

package curation

import (
	"context"

	"clipgo/internal/quantized"
)

// Pair is two pictures and their similarity.
type Pair struct {
	A, B  int
	Score float64
}

// Similar returns the pairs of pictures whose similarity is at least a threshold, A < B, in their order. Time grows with the square of the
// number of pictures. The pairs are those of float64.
func (c *Collection) Similar(ctx context.Context, threshold float64) ([]Pair, error) {
	products, err := quantized.AtLeast(ctx, c.Features, c.Dim, threshold)
	var out []Pair
	for _, p := range products {
		out = append(out, Pair(p))
	}
	return out, err
}

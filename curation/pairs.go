package curation

import (
	"cmp"
	"context"
	"slices"

	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Pair is two pictures and their similarity.
type Pair struct {
	A, B  int
	Score float64
}

// Similar returns the pairs of pictures whose similarity is at least a threshold, A < B, in their order. Time grows with the square of the
// number of pictures. Products are computed in 8 bits with a bound on the error, and again in float64 where that doesn't decide, so the
// pairs are those of float64.
func (c *Collection) Similar(ctx context.Context, threshold float64) ([]Pair, error) {
	rows := quantized.New(c.Features, c.Dim)
	return over(ctx, c, c, rows, rows, threshold)
}

// SimilarTo returns the pairs of a picture of c (A) and one of another collection (B), as Similar does.
func (c *Collection) SimilarTo(ctx context.Context, other *Collection, threshold float64) ([]Pair, error) {
	return over(ctx, c, other, quantized.New(c.Features, c.Dim), quantized.New(other.Features, c.Dim), threshold)
}

func over(ctx context.Context, c, other *Collection, a, b *quantized.Rows, threshold float64) ([]Pair, error) {
	found := make([][]Pair, quantized.Workers())
	err := quantized.Join(ctx, a, b, a == b, func(int) float64 { return threshold }, func(w int, p quantized.Pair) {
		if score := vec.Dot(c.Feature(p.A), other.Feature(p.B)); score >= threshold {
			found[w] = append(found[w], Pair{p.A, p.B, score})
		}
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(x, y Pair) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return all, nil
}

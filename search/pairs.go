package search

import (
	"context"
	"math"

	"clipgo/internal/quantized"
)

// Pairs calls use with the places in rows of each two rows whose features in a table have an inner product above a limit, the
// smaller place first and in order. Rows without a feature are in no pair. It takes memory for the features of all rows, and time that
// grows with their square.
func (ix *Folder) Pairs(ctx context.Context, rows []int, t Table, above float64, use func(a, b int)) error {
	dim := ix.space.Dim
	all := make([]float32, len(rows)*dim)
	for i, row := range rows {
		image, text, err := ix.RowFeatures(row)
		if err != nil {
			return err
		}
		if t == Texts {
			image = text
		}
		copy(all[i*dim:], image)
	}
	return PairsOf(ctx, all, dim, above, use)
}

// PairsOf is Pairs for features that the caller has, [n, dim].
func PairsOf(ctx context.Context, features []float32, dim int, above float64, use func(a, b int)) error {
	pairs, err := quantized.AtLeast(ctx, features, dim, math.Nextafter(above, math.Inf(1)), math.MaxInt)
	for _, p := range pairs {
		use(p.A, p.B)
	}
	return err
}

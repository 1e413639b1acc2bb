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
	pairs, err := quantized.AtLeast(ctx, all, dim, math.Nextafter(above, math.Inf(1)))
	for _, p := range pairs {
		use(p.A, p.B)
	}
	return err
}

package search

import (
	"cmp"
	"context"
	"slices"

	"clipgo/internal/quantized"
	"clipgo/internal/vec"
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
	small := quantized.New(all, dim)
	found := make([][][2]int, quantized.Workers())
	err := quantized.Join(ctx, small, small, true, func(int) float64 { return above }, func(w int, p quantized.Pair) {
		if vec.Dot(all[p.A*dim:(p.A+1)*dim], all[p.B*dim:(p.B+1)*dim]) > above {
			found[w] = append(found[w], [2]int{p.A, p.B})
		}
	})
	if err != nil {
		return err
	}
	pairs := slices.Concat(found...)
	slices.SortFunc(pairs, func(a, b [2]int) int { return cmp.Or(a[0]-b[0], a[1]-b[1]) })
	for _, p := range pairs {
		use(p[0], p[1])
	}
	return nil
}

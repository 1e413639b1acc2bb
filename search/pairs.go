package search

import (
	"context"
	"iter"
	"runtime"

	"clipgo/internal/parallel"
)

// Pairs calls use with the places in rows of each two rows whose features in a table have an inner product above a limit, the
// smaller place first and in order. Rows without a feature are in no pair. It takes memory for the features of all rows, and time that
// grows with their square.
func (ix *Folder) Pairs(ctx context.Context, rows []int, t Table, above float32, use func(a, b int)) error {
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
	workers := runtime.GOMAXPROCS(0)
	near := make([][]int, len(rows)) // above each row, those after it
	parallel.Workers(workers, len(rows), func(_ int, mine iter.Seq[int]) {
		scores := make([]float32, len(rows))
		for i := range mine {
			if ctx.Err() != nil {
				return
			}
			after := scores[:len(rows)-i-1]
			ix.kernel.f32(after, all[i*dim:(i+1)*dim], all[(i+1)*dim:])
			for j, score := range after {
				if score > above {
					near[i] = append(near[i], i+1+j)
				}
			}
		}
	})
	for a, list := range near {
		for _, b := range list {
			use(a, b)
		}
	}
	return ctx.Err()
}

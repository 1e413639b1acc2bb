package quantized

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"clipgo/internal/vec"
)

// Product is two rows, and their inner product in float64.
type Product struct {
	A, B  int
	Score float64
}

// ErrTooMany is returned for more pairs than were asked for.
var ErrTooMany = errors.New("too many pairs")

// AtLeast returns the pairs of rows, A < B, whose inner product is at least a limit, in their order, or ErrTooMany if there are more than
// most. The rows are [n, dim]. Products are computed in 8 bits, and again in float64 where the bound of their error doesn't decide, so the
// pairs are those of float64.
func AtLeast(ctx context.Context, rows []float32, dim int, limit float64, most int) ([]Product, error) {
	codes := New(rows, dim)
	found := make([][]Product, Workers())
	var n atomic.Int64
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := Join(inner, codes, codes, true, func(int) float64 { return limit }, func(w int, p Pair) {
		v := vec.Dot(rows[p.A*dim:(p.A+1)*dim], rows[p.B*dim:(p.B+1)*dim])
		if v < limit {
			return
		}
		if n.Add(1) > int64(most) {
			cancel(ErrTooMany)
			return
		}
		found[w] = append(found[w], Product{p.A, p.B, v})
	})
	if err != nil {
		return nil, context.Cause(inner)
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(x, y Product) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return all, nil
}

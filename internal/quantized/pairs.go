package quantized

import (
	"cmp"
	"context"
	"slices"

	"clipgo/internal/vec"
)

// Product is a row of each side, and their inner product in float64.
type Product struct {
	A, B  int
	Score float64
}

// AtLeast returns the pairs of a row of a and a row of b, both [n, dim], whose inner product is at least a limit, in their order. If b is
// nil, the rows of a are compared with each other, A < B. Products are computed in 8 bits, and again in float64 where the bound of their
// error doesn't decide, so the pairs are those of float64.
func AtLeast(ctx context.Context, a, b []float32, dim int, limit float64) ([]Product, error) {
	left := New(a, dim)
	right, half := left, b == nil
	if half {
		b = a
	} else {
		right = New(b, dim)
	}
	found := make([][]Product, Workers())
	err := Join(ctx, left, right, half, func(int) float64 { return limit }, func(w int, p Pair) {
		if v := vec.Dot(a[p.A*dim:(p.A+1)*dim], b[p.B*dim:(p.B+1)*dim]); v >= limit {
			found[w] = append(found[w], Product{p.A, p.B, v})
		}
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(x, y Product) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return all, nil
}

package curation

import (
	"cmp"
	"context"
	"math"
	"slices"

	"clipgo/internal/parallel"
	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Neighbour is another picture and the similarity to it.
type Neighbour struct {
	Row   int
	Score float64
}

// Neighbours returns the k nearest other pictures of each picture, nearest first and equals by row, as a scan in float64 gives them. There
// are fewer where the collection has no more.
func (c *Collection) Neighbours(ctx context.Context, k int) ([][]Neighbour, error) {
	rows := quantized.New(c.Features, c.Dim)
	return nearest(ctx, c, c, rows, rows, k)
}

// NeighboursIn returns the k nearest pictures of another collection, as Neighbours does.
func (c *Collection) NeighboursIn(ctx context.Context, other *Collection, k int) ([][]Neighbour, error) {
	return nearest(ctx, c, other, quantized.New(c.Features, c.Dim), quantized.New(other.Features, other.Dim), k)
}

// best holds the pictures that may be among a picture's k nearest: those whose upper bound isn't below the k-th highest lower bound.
type best struct {
	k     int
	floor float64
	found []quantized.Pair
}

func (b *best) add(p quantized.Pair) {
	b.found = append(b.found, p)
	if len(b.found) >= 4*b.k+64 {
		b.prune()
	}
}

func (b *best) prune() {
	if len(b.found) < b.k {
		return
	}
	lower := make([]float64, len(b.found))
	for i, p := range b.found {
		lower[i] = p.Value - p.Bound
	}
	slices.Sort(lower)
	b.floor = lower[len(lower)-b.k]
	b.found = slices.DeleteFunc(b.found, func(p quantized.Pair) bool { return p.Value+p.Bound < b.floor })
}

func nearest(ctx context.Context, c, other *Collection, a, b *quantized.Rows, k int) ([][]Neighbour, error) {
	lists := make([]best, c.Len())
	for i := range lists {
		lists[i] = best{k: k, floor: math.Inf(-1)}
	}
	err := quantized.Join(ctx, a, b, false, func(row int) float64 { return lists[row].floor }, func(_ int, p quantized.Pair) {
		if a != b || p.A != p.B {
			lists[p.A].add(p)
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([][]Neighbour, c.Len())
	parallel.For(c.Len(), func(i int) {
		lists[i].prune()
		near := make([]Neighbour, len(lists[i].found))
		for at, p := range lists[i].found {
			near[at] = Neighbour{p.B, vec.Dot(c.Feature(i), other.Feature(p.B))}
		}
		slices.SortFunc(near, func(x, y Neighbour) int { return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(x.Row, y.Row)) })
		out[i] = slices.Clip(near[:min(k, len(near))])
	})
	return out, ctx.Err()
}

package curation

import (
	"context"
	"iter"
	"slices"

	"clipgo/internal/components"
	"clipgo/internal/parallel"
	"clipgo/internal/quantized"
	"clipgo/internal/vec"
)

// Pair is two pictures and their similarity.
type Pair struct {
	A, B  int
	Score float64
}

// Similar returns the pairs of pictures whose similarity is at least a threshold, A < B, in their order. Time grows with the square of the
// number of pictures. The pairs are those of float64. ErrTooMany: there are more than most, which is what bounds the memory.
func (c *Collection) Similar(ctx context.Context, threshold float64, most int) ([]Pair, error) {
	products, err := quantized.AtLeast(ctx, c.Features, c.Dim, threshold, most)
	var out []Pair
	for _, p := range products {
		out = append(out, Pair(p))
	}
	return out, err
}

// ErrTooMany is returned for more pairs than were asked for.
var ErrTooMany = quantized.ErrTooMany

// Connected returns pairs of Similar that connect the same pictures as all of them do, directly or through others: at most one for each
// picture. Which ones may change from call to call; the pictures that they connect don't. Pictures that are all alike need no more memory
// than others, and less time: two that are connected already are not compared.
func (c *Collection) Connected(ctx context.Context, threshold float64) ([]Pair, error) {
	l := &linking{c: c, threshold: threshold, sets: components.NewShared(c.Len()), found: make([][]Pair, quantized.Workers())}
	l.sample(ctx)
	codes := quantized.New(c.Features, c.Dim)
	rest, ofRest := l.rest(), codes
	half := len(rest) > c.Len()/2
	if half { // no more than half of the pictures are connected, so comparing each two of all takes less
		rest = nil
	} else {
		var features []float32
		for _, row := range rest {
			features = append(features, c.Feature(row)...)
		}
		ofRest = quantized.New(features, c.Dim)
	}
	err := quantized.Join(ctx, ofRest, codes, half, func(int) float64 { return threshold }, func(w int, p quantized.Pair) {
		if rest != nil {
			p.A = rest[p.A]
		}
		l.look(w, p.A, p.B)
	})
	return slices.Concat(l.found...), err
}

// linking connects the pictures of a collection.
type linking struct {
	c         *Collection
	threshold float64
	sets      *components.Shared
	found     [][]Pair // by worker
}

// look compares two pictures, unless they are connected.
func (l *linking) look(worker, a, b int) {
	if l.sets.Linked(a, b) {
		return
	}
	if v := vec.Dot(l.c.Feature(a), l.c.Feature(b)); v >= l.threshold && l.sets.Link(a, b) {
		l.found[worker] = append(l.found[worker], Pair{a, b, v})
	}
}

// sample compares some pictures with all.
func (l *linking) sample(ctx context.Context) {
	n := l.c.Len()
	rows := min(sampled, n)
	parallel.Workers(len(l.found), rows, func(w int, mine iter.Seq[int]) {
		for i := range mine {
			for other := range n {
				if other%4096 == 0 && ctx.Err() != nil {
					return
				}
				l.look(w, i*n/rows, other)
			}
		}
	})
}

// rest are the pictures outside the largest set.
func (l *linking) rest() (out []int) {
	members := map[int]int{}
	largest := 0
	for i := range l.c.Len() {
		first := l.sets.First(i)
		if members[first]++; members[first] > members[largest] {
			largest = first
		}
	}
	for i := range l.c.Len() {
		if l.sets.First(i) != largest {
			out = append(out, i)
		}
	}
	return out
}

package curation

import (
	"context"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// Diverse chooses n pictures that are far from each other, by farthest-first traversal: the first is the one nearest to the mean of all,
// and each next one is the picture whose most similar chosen one is least similar to it. It returns the pictures in that order, and for
// each the similarity to the chosen ones before it. No choice of n pictures leaves a picture more than twice as far from its nearest one
// (Gonzalez, 1985).
func (c *Collection) Diverse(ctx context.Context, n int) ([]int, []float64, error) {
	n = min(n, c.Len())
	nearest := make([]float64, c.Len()) // similarity to the chosen ones
	center := vec.MeanDirection(c.Features, c.Dim)
	next, best := 0, -2.0
	for i := range nearest {
		nearest[i] = -2
		if s := vec.Dot(center, c.Feature(i)); s > best {
			next, best = i, s
		}
	}
	order, scores := make([]int, 0, n), make([]float64, 0, n)
	taken := make([]bool, c.Len())
	for len(order) < n {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		order, scores = append(order, next), append(scores, nearest[next])
		taken[next] = true
		next = c.farthest(next, nearest, taken)
	}
	return order, scores, nil
}

// farthest updates the similarities with the picture chosen last and returns the next one.
func (c *Collection) farthest(last int, nearest []float64, taken []bool) int {
	const chunk = 2048
	chunks := (c.Len() + chunk - 1) / chunk
	least := make([]int, chunks)
	chosen := c.Feature(last)
	parallel.For(chunks, func(at int) {
		least[at] = -1
		for i := at * chunk; i < min((at+1)*chunk, c.Len()); i++ {
			nearest[i] = max(nearest[i], vec.Dot(chosen, c.Feature(i)))
			if !taken[i] && (least[at] < 0 || nearest[i] < nearest[least[at]]) {
				least[at] = i
			}
		}
	})
	next := -1
	for _, i := range least {
		if i >= 0 && (next < 0 || nearest[i] < nearest[next]) {
			next = i
		}
	}
	return next
}

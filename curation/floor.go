package curation

import (
	"context"
	"math"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// sampled is how many pictures are compared with all before the rest is.
const sampled = 64

// Floor is the lowest of the thresholds floor, floor+step, up to most at which about so many pairs are alike, or fewer; most if there are
// more there, too. The number of pairs is estimated from those of pictures at equal distances. It is for what takes time for every pair:
// of pictures that are nearly all alike, as features of untrained models are, all pairs would be compared exactly.
func (c *Collection) Floor(ctx context.Context, floor, step, most float64, pairs int) (float64, error) {
	n := c.Len()
	if n*(n-1)/2 <= pairs {
		return floor, nil
	}
	rows := min(sampled, n)
	steps := int(math.Round((most - floor) / step))
	found := make([][]int, rows) // pairs of each sampled picture by the highest threshold that they reach
	parallel.For(rows, func(i int) {
		row, counts := i*n/rows, make([]int, steps+1)
		for other := range n {
			if v := vec.Dot(c.Feature(row), c.Feature(other)); other != row && v >= floor {
				counts[min(int((v-floor)/step), steps)]++
			}
			if other%4096 == 0 && ctx.Err() != nil {
				return
			}
		}
		found[i] = counts
	})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	each := float64(n) / float64(rows) / 2 // of the pairs have been seen: each pair has two pictures
	alike := 0.0
	for at := steps; at >= 0; at-- {
		for _, counts := range found {
			alike += each * float64(counts[at])
		}
		if alike > float64(pairs) {
			return floor + step*float64(min(at+1, steps)), nil
		}
	}
	return floor, nil
}

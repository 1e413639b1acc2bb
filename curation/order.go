package curation

import (
	"cmp"
	"slices"
)

// descending are the numbers of the highest scores first, equals in their order.
func descending(scores []float64) []int {
	return order(scores, func(a, b float64) int { return cmp.Compare(b, a) })
}

// ascending are the numbers of the lowest scores first, equals in their order.
func ascending(scores []float64) []int { return order(scores, cmp.Compare[float64]) }

func order(scores []float64, compare func(a, b float64) int) []int {
	out := make([]int, len(scores))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(i, j int) int { return compare(scores[i], scores[j]) })
	return out
}

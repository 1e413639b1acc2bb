package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Jaccard is the share that two sets have in common: the pictures that belong to a cue, and as many with the highest scores, of equal
// scores the first. It is WinoGAViL's score of a sample.
func Jaccard(scores []float32, right []bool) (float64, error) {
	order, k := make([]int, len(scores)), 0
	for i := range order {
		order[i] = i
	}
	for i, yes := range right {
		if yes {
			k++
		}
		if len(scores) != len(right) || math.IsNaN(float64(scores[i])) {
			return 0, fmt.Errorf("jaccard: %d scores, not all of them numbers, for %d pictures", len(scores), len(right))
		}
	}
	if k == 0 {
		return 0, fmt.Errorf("jaccard: none of %d pictures belongs to the cue", len(right))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	common := 0
	for _, i := range order[:k] {
		if right[i] {
			common++
		}
	}
	return float64(common) / float64(2*k-common), nil
}

// JaccardChance is the mean score of a random choice of k pictures among n, of which k are right.
func JaccardChance(n, k int) (mean float64) {
	ways := func(n, k int) float64 {
		out := 1.0
		for i := range k {
			out *= float64(n-i) / float64(i+1)
		}
		return out
	}
	for common := max(1, 2*k-n); common <= k; common++ {
		mean += ways(k, common) * ways(n-k, k-common) / ways(n, k) * float64(common) / float64(2*k-common)
	}
	return mean
}

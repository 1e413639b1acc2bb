package eval

import (
	"math"
	"math/bits"
	"testing"
)

func TestJaccardIsTheCommonShare(t *testing.T) {
	for _, c := range []struct {
		scores []float32
		right  []bool
		want   float64
	}{
		{[]float32{3, 1, 2, 0, -1}, []bool{true, false, true, false, false}, 1},
		{[]float32{3, 1, 2, 0, -1}, []bool{true, true, false, false, false}, 1. / 3},
		{[]float32{3, 1, 2, 0, -1}, []bool{false, false, false, true, true}, 0},
		{[]float32{1, 1, 1}, []bool{true, false, false}, 1}, // of equals the first
		{[]float32{1, 2, 3}, []bool{true, true, true}, 1},
	} {
		if got, err := Jaccard(c.scores, c.right); err != nil || math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%v, %v: %v, %v; want %v", c.scores, c.right, got, err, c.want)
		}
	}
	for _, bad := range [][]float32{{1}, {1, float32(math.NaN())}} {
		if _, err := Jaccard(bad, []bool{true, false}); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
	if _, err := Jaccard([]float32{1}, []bool{false}); err == nil {
		t.Error("a cue without pictures passes")
	}
}

// The chance is the mean over all choices.
func TestJaccardChanceIsTheMeanOfAllChoices(t *testing.T) {
	for n := 2; n <= 8; n++ {
		for k := 1; k <= n; k++ {
			sum, count := 0.0, 0
			for choice := range uint(1) << n {
				if bits.OnesCount(choice) == k {
					common := bits.OnesCount(choice & (1<<k - 1))
					sum, count = sum+float64(common)/float64(2*k-common), count+1
				}
			}
			if got := JaccardChance(n, k); math.Abs(got-sum/float64(count)) > 1e-12 {
				t.Errorf("%d of %d: %v, want %v", k, n, got, sum/float64(count))
			}
		}
	}
}

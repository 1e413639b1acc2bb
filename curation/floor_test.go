package curation

import (
	"math"
	"math/rand/v2"
	"testing"

	"clipgo/internal/vec"
)

// crowd is n pictures. The features of all but lone ones share a direction: the cosines of most pairs are about weight.
func crowd(n int, weight float64, lone int) *Collection {
	const dim = 16
	rng := rand.New(rand.NewPCG(1, 2))
	c := &Collection{Dim: dim, Items: make([]Item, n)}
	for row := range n {
		v := make([]float64, dim)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		if row >= lone { // the others have any direction
			own := math.Sqrt((1 - weight) / float64(dim) / weight)
			for i := range v {
				v[i] *= own
			}
			v[0] = 1
		}
		c.Features = append(c.Features, vec.Direction(v)...)
	}
	return c
}

// TestTheFloorRisesWithTheNumberOfPairs: at the floor that is returned about as many pairs are alike as may be, with pictures among them
// that are like no other.
func TestTheFloorRisesWithTheNumberOfPairs(t *testing.T) {
	const n, pairs = 2000, 50_000
	c := crowd(n, 0.93, 20)
	alike := func(threshold float64) (count int) {
		for a := range n {
			for b := range a {
				if vec.Dot(c.Feature(a), c.Feature(b)) >= threshold {
					count++
				}
			}
		}
		return count
	}
	got, err := c.Floor(t.Context(), 0.9, 0.001, 0.999, pairs)
	if err != nil || got <= 0.9 || got >= 0.999 {
		t.Fatal(got, err)
	}
	if at, below := alike(got), alike(got-0.001); alike(0.9) < 10*pairs || at > pairs*5/4 || below < pairs*4/5 {
		t.Errorf("%d pairs are alike at 0.9, %d at the floor %.3f and %d below it", alike(0.9), at, got, below)
	}
	for name, few := range map[string]*Collection{"a small collection": crowd(300, 0.93, 0), "pictures that differ": crowd(n, 0.1, 0)} {
		if got, err := few.Floor(t.Context(), 0.9, 0.001, 0.999, pairs); got != 0.9 || err != nil {
			t.Errorf("%s: %g, %v", name, got, err)
		}
	}
	if got, err := crowd(n, 1, 0).Floor(t.Context(), 0.9, 0.001, 0.999, pairs); got != 0.999 || err != nil {
		t.Errorf("all the same: %g, %v", got, err)
	}
}

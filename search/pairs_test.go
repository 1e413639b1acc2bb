package search

import (
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/vec"
)

func TestPairsAreThoseAboveTheLimit(t *testing.T) {
	const dim, rows, above = 12, 70, 0.4
	all := unitRows(rand.New(rand.NewPCG(3, 4)), rows, dim)
	ix := buildIndex(t, t.TempDir(), Space{Fingerprint: "m", Dim: dim, DType: Float32, Preprocess: space.Preprocess}, all)
	some := []int{9, 3, 60, 4, 5, 33, 34, 35, 36, 1}
	var got, want [][2]int
	if err := ix.Pairs(t.Context(), some, Images, above, func(a, b int) { got = append(got, [2]int{a, b}) }); err != nil {
		t.Fatal(err)
	}
	for a := range some {
		for b := a + 1; b < len(some); b++ {
			if vec.Dot(all[some[a]*dim:][:dim], all[some[b]*dim:][:dim]) > above {
				want = append(want, [2]int{a, b})
			}
		}
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("pairs %v, want %v", got, want)
	}
	if err := ix.Pairs(t.Context(), []int{0, rows}, Images, above, func(int, int) {}); err == nil {
		t.Error("a row that the index doesn't have is accepted")
	}
}

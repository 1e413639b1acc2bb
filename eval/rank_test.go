package eval

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/vec"
)

// The ranks in one pass are those of sorting every query's candidates, with equal scores, pictures without captions and with many.
func TestRanksAreThoseOfSorting(t *testing.T) {
	const dim = 3
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		images, texts := make([]float32, dim*(1+random.IntN(70))), make([]float32, dim*(1+random.IntN(150)))
		for _, all := range [][]float32{images, texts} {
			for i := range all {
				all[i] = float32(random.IntN(3)) + 0.5
			}
		}
		textImage := make([]int, len(texts)/dim)
		byImage := make([][]int, len(images)/dim)
		byText := make([][]int, len(textImage))
		for i := range textImage {
			textImage[i] = random.IntN(len(byImage))
			byImage[textImage[i]] = append(byImage[textImage[i]], i)
			byText[i] = []int{textImage[i]}
		}
		gotText, gotImage, err := RankPairs(images, texts, dim, textImage)
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			got              *Ranking
			queries, gallery []float32
			answers          [][]int
		}{"texts": {gotText, texts, images, byText}, "images": {gotImage, images, texts, byImage}} {
			var want [][]int
			for q, own := range c.answers {
				want = append(want, sortedRanks(c.queries[q*dim:(q+1)*dim], c.gallery, dim, own))
			}
			all := summarize(want)
			same := slices.EqualFunc(c.got.positions, all.positions, slices.Equal)
			if !same || c.got.Hits() != all.Hits() || c.got.Queries != all.Queries {
				t.Fatalf("round %d, %s: %v, want %v", round, what, c.got.positions, all.positions)
			}
		}
	}
}

// sortedRanks sorts the gallery and finds some of its rows.
func sortedRanks(query, gallery []float32, dim int, own []int) (ranks []int) {
	rows := vec.Units(gallery, dim)
	scores := make([]float64, len(gallery)/dim)
	vec.Dots(scores, vec.Units(query, dim), rows)
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	for rank, i := range order {
		if slices.Contains(own, i) {
			ranks = append(ranks, rank)
		}
	}
	return ranks
}

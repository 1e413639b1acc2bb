package curation

import (
	"cmp"
	"math"
	"slices"
)

// edge joins two pictures of the map with a weight in (0, 1].
type edge struct {
	a, b   int
	weight float64
}

// fuzzy makes UMAP's weighted graph from the nearest neighbours (McInnes, Healy and Melville, 2018, section 3): each picture's distances
// are scaled so that its weights add to log2 of their number, and the two directions of an edge are joined as a + b - ab. Each edge
// appears once from each side, ordered by a, then b.
func fuzzy(near [][]Neighbour) []edge {
	type key struct{ a, b int }
	weights := map[key]float64{}
	for i, list := range near {
		distances := make([]float64, len(list))
		for at, n := range list {
			distances[at] = max(1-n.Score, 0)
		}
		closest, width := scale(distances)
		for at, n := range list {
			weights[key{i, n.Row}] = math.Exp(-max(distances[at]-closest, 0) / width)
		}
	}
	var out []edge
	for k, w := range weights {
		back, both := weights[key{k.b, k.a}]
		joined := w + back - w*back
		out = append(out, edge{k.a, k.b, joined})
		if !both {
			out = append(out, edge{k.b, k.a, joined})
		}
	}
	slices.SortFunc(out, func(x, y edge) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	return out
}

// scale finds the distance of the nearest neighbour that isn't an equal, and the width at which the weights add to log2(k).
func scale(distances []float64) (closest, width float64) {
	var mean float64
	for _, d := range distances {
		if d > 0 && (closest == 0 || d < closest) {
			closest = d
		}
		mean += d / float64(len(distances))
	}
	want := math.Log2(float64(len(distances) + 1))
	low, high := 0.0, math.Inf(1)
	width = 1
	for range 64 {
		var sum float64
		for _, d := range distances {
			sum += math.Exp(-max(d-closest, 0) / width)
		}
		switch {
		case math.Abs(sum-want) < 1e-5:
			return closest, max(width, 1e-3*mean, math.SmallestNonzeroFloat32)
		case sum > want:
			high = width
			width = (low + high) / 2
		case math.IsInf(high, 1):
			low = width
			width *= 2
		default:
			low = width
			width = (low + high) / 2
		}
	}
	return closest, max(width, 1e-3*mean, math.SmallestNonzeroFloat32)
}

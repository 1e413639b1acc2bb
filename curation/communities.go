package curation

import "clipgo/internal/vec"

// Communities are groups of pictures that are alike: a picture with at least `least` others above the threshold, and these, make a group.
// The picture with the most others is first; a picture belongs to the first group that takes it. The rest belong to none (-1). pairs are
// those of Similar.
func (c *Collection) Communities(pairs []Pair, least int) *Clusters {
	others := make([][]Pair, c.Len())
	for _, p := range pairs {
		others[p.A] = append(others[p.A], p)
		others[p.B] = append(others[p.B], Pair{p.B, p.A, p.Score})
	}
	size := make([]float64, c.Len())
	for i, list := range others {
		size[i] = float64(len(list))
	}
	out := &Clusters{Of: make([]int, c.Len()), Scores: make([]float64, c.Len())}
	for i := range out.Of {
		out.Of[i] = -1
	}
	for _, i := range descending(size) {
		if out.Of[i] >= 0 || len(others[i]) < least {
			continue
		}
		var free []Pair
		for _, p := range others[i] {
			if out.Of[p.B] < 0 {
				free = append(free, p)
			}
		}
		if len(free) < least {
			continue
		}
		group := len(out.Centers)
		out.Centers = append(out.Centers, c.Feature(i))
		out.Of[i], out.Scores[i] = group, 1
		for _, p := range free {
			out.Of[p.B], out.Scores[p.B] = group, p.Score
		}
	}
	return out
}

// Name gives each group the words whose features are most similar to its centre compared with the mean of all centres, so that words that
// fit everything name nothing. features are unit rows, one for each word.
func (k *Clusters) Name(words []string, features []float32, each int) [][]string {
	dim := len(features) / max(len(words), 1)
	out := make([][]string, len(k.Centers))
	mean := make([]float64, len(words))
	scores := make([][]float64, len(k.Centers))
	for g, center := range k.Centers {
		scores[g] = make([]float64, len(words))
		for w := range words {
			scores[g][w] = vec.Dot(center, features[w*dim:(w+1)*dim])
			mean[w] += scores[g][w] / float64(len(k.Centers))
		}
	}
	for g := range out {
		if len(k.Centers) > 1 {
			for w := range words {
				scores[g][w] -= mean[w]
			}
		}
		for _, w := range descending(scores[g])[:min(each, len(words))] {
			out[g] = append(out[g], words[w])
		}
	}
	return out
}

package eval

import "math"

// cider is the CIDEr-D of each caption (Vedantam et al., 2015, section 4, as in COCO's evaluation): the cosine of tf-idf vectors of
// n-grams of 1 to 4 words, clipped to the reference and with a penalty for the difference in length.
func cider(all []cooked) []float64 {
	documents := map[string]float64{} // number of pictures in whose references an n-gram occurs
	for _, c := range all {
		seen := map[string]bool{}
		for _, r := range c.references {
			for _, counts := range grams(r) {
				for g := range counts {
					seen[g] = true
				}
			}
		}
		for g := range seen {
			documents[g]++
		}
	}
	w := weighting{documents, math.Log(float64(len(all)))}
	scores := make([]float64, len(all))
	for i, c := range all {
		caption := w.vector(c.caption)
		var own float64
		for _, r := range c.references {
			own += caption.like(w.vector(r))
		}
		scores[i] = 10 * own / float64(len(c.references))
	}
	return scores
}

// weighting holds the inverse document frequencies of n-grams.
type weighting struct {
	documents map[string]float64
	log       float64 // logarithm of the number of pictures
}

// tfidf is a caption's tf-idf vectors, one for each n.
type tfidf struct {
	weights [longestGram]map[string]float64
	norms   [longestGram]float64
	pairs   int // number of bigrams, COCO's measure of length
}

func (w weighting) vector(words []string) tfidf {
	out := tfidf{pairs: max(0, len(words)-1)}
	for n, counts := range grams(words) {
		out.weights[n] = map[string]float64{}
		var squares float64
		for g, k := range counts {
			v := float64(k) * (w.log - math.Log(max(1, w.documents[g])))
			out.weights[n][g] = v
			squares += v * v
		}
		out.norms[n] = math.Sqrt(squares)
	}
	return out
}

// like is the similarity with a reference, from 0 to 1.
func (v tfidf) like(r tfidf) float64 {
	const sigma = 6
	difference := float64(v.pairs - r.pairs)
	damped := math.Exp(-difference * difference / (2 * sigma * sigma))
	var sum float64
	for n := range v.weights {
		var dot float64
		for g, x := range v.weights[n] {
			dot += min(x, r.weights[n][g]) * r.weights[n][g]
		}
		if v.norms[n] > 0 && r.norms[n] > 0 {
			dot /= v.norms[n] * r.norms[n]
		}
		sum += dot * damped
	}
	return sum / longestGram
}

package eval

import "slices"

// Ranking describes where the right answers of queries are, with those that have one. Ranks count from 1.
type Ranking struct {
	Queries       int     `json:"queries"`
	WithoutAnswer int     `json:"without_answer"` // left out of all but Recall
	MeanRank      float64 `json:"mean_rank"`      // of the best right answer
	MedianRank    float64 `json:"median_rank"`
	MRR           float64 `json:"mrr"`         // mean of 1 / rank
	MAP           float64 `json:"map"`         // mean of the precision at the ranks of all right answers
	MAPAtR        float64 `json:"map@r"`       // the same among the first R, the number of right answers
	RPrecision    float64 `json:"r_precision"` // share of right answers among the first R

	hits      []byte
	positions [][]int // of each query with an answer: the 0-based ranks of its right answers, rising
}

// Recall is the share of queries with a right answer among the first k; one without an answer is a miss.
func (r *Ranking) Recall(k int) float64 {
	hits := 0
	for _, p := range r.positions {
		if p[0] < k {
			hits++
		}
	}
	return float64(hits) / float64(max(r.Queries, 1))
}

// Found is the mean share of a query's right answers that are among the first k.
func (r *Ranking) Found(k int) float64 {
	sum := 0.0
	for _, p := range r.positions {
		n, _ := slices.BinarySearch(p, k)
		sum += float64(n) / float64(len(p))
	}
	return sum / float64(max(len(r.positions), 1))
}

// summarize makes a Ranking of the 0-based ranks of each query's right answers, rising.
func summarize(positions [][]int) *Ranking {
	r := &Ranking{Queries: len(positions)}
	var best []int
	for _, p := range positions {
		hit := byte('0')
		if len(p) > 0 && p[0] == 0 {
			hit = '1'
		}
		r.hits = append(r.hits, hit)
		if len(p) == 0 {
			r.WithoutAnswer++
			continue
		}
		r.positions, best = append(r.positions, p), append(best, p[0])
		right, within := 0.0, 0
		for k, at := range p {
			precision := float64(k+1) / float64(at+1)
			right += precision / float64(len(p))
			if at < len(p) {
				within++
				r.MAPAtR += precision / float64(len(p))
			}
		}
		r.MAP += right
		r.RPrecision += float64(within) / float64(len(p))
		r.MRR += 1 / float64(p[0]+1)
		r.MeanRank += float64(p[0] + 1)
	}
	n := float64(max(len(best), 1))
	for _, v := range []*float64{&r.MAP, &r.MAPAtR, &r.RPrecision, &r.MRR, &r.MeanRank} {
		*v /= n
	}
	if slices.Sort(best); len(best) > 0 {
		r.MedianRank = float64(best[(len(best)-1)/2]+best[len(best)/2])/2 + 1
	}
	return r
}

// Hits has a letter for each query in order: 1 if the first of the gallery is a right answer, else 0.
func (r *Ranking) Hits() string {
	return string(r.hits)
}

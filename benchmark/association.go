package benchmark

import (
	"math"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// jaccardMain is the metric that stands for a set of cues.
const jaccardMain = "avg_jaccard_score"

// association asks for each cue which pictures belong to it, as many as do: WinoGAViL. The metrics are those of DataComp: the mean over all
// samples, and over those with so many pictures.
func association(s *Suite, f *features, test *pretrained.Features, info datasets.Info) (*outcome, error) {
	o := &outcome{most: s.Errors}
	texts, set := textsOf(test), f.set
	size := map[int]int{}
	for _, sample := range set.Samples {
		size[sample]++
	}
	var scores, counts []float64
	chance := 0.0
	for from, to := 0, 0; from < len(test.Index); from = to {
		sample := set.Samples[test.Index[from]]
		for to < len(test.Index) && set.Samples[test.Index[to]] == sample {
			to++
		}
		if to-from < size[sample] {
			continue // a picture of it can't be used
		}
		cue := texts[from][0]
		right, k := make([]bool, to-from), 0
		for i := range right {
			if right[i] = set.Right[test.Index[from+i]]; right[i] {
				k++
			}
		}
		cosines := eval.Scores(test.Images[from*test.Dim:to*test.Dim], test.Texts[cue*test.Dim:(cue+1)*test.Dim], test.Dim)
		score, err := eval.Jaccard(cosines, right)
		if err != nil {
			return nil, fault.Dataf("%s: %s: %v", info.Name, test.Entries[from].Key, err)
		}
		scores, counts = append(scores, score), append(counts, float64(len(right)))
		chance += eval.JaccardChance(len(right), k)
		o.samples = append(o.samples, Sample{
			Index: test.Index[from], Sample: test.Entries[from].Key, Text: test.Captions[cue], Right: score == 1,
		})
	}
	if len(scores) == 0 {
		return nil, fault.Dataf("%s: none of the %d samples can be used", info.Name, len(size))
	}
	passed := len(size) - len(scores)
	o.passed, o.n = &passed, len(scores)
	chance /= float64(len(scores))
	o.chance = &chance
	o.metrics = jaccardMetrics(scores, counts)
	return o, nil
}

// jaccardMetrics are DataComp's means of scores of samples with so many pictures; NaN where there are no such samples.
func jaccardMetrics(scores, pictures []float64) (out []clipbenchmark.Metric) {
	for _, m := range []struct {
		key       string
		low, high float64
	}{
		{jaccardMain, 0, math.Inf(1)}, {"jaccard_score_5", 5, 5}, {"jaccard_score_6", 6, 6}, {"jaccard_score_10", 10, 10},
		{"jaccard_score_12", 12, 12}, {"jaccard_score_5-6", 0, 6}, {"jaccard_score_10-12", 10, math.Inf(1)},
	} {
		sum, n := 0.0, 0.0
		for i, score := range scores {
			if pictures[i] >= m.low && pictures[i] <= m.high {
				sum, n = sum+score, n+1
			}
		}
		out = append(out, clipbenchmark.Metric{Key: m.key, Value: sum / n})
	}
	return out
}

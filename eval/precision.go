package eval

import (
	"cmp"
	"fmt"
	"slices"
)

// AveragePrecision returns each class's average precision for multi-label classification. scores and targets are [n, classes]; a target
// other than 0 is a positive label. The mean over the classes is CLIP_benchmark's mean_average_precision. A class without
// positive labels has 0, and equal scores are ranked by row.
func AveragePrecision(scores []float32, targets []int64, classes int) ([]float64, error) {
	if classes <= 0 || len(scores) != len(targets) || len(scores)%classes != 0 {
		return nil, fmt.Errorf("average precision: %d scores, %d targets, %d classes", len(scores), len(targets), classes)
	}
	if err := checkRows("scores", scores, classes); err != nil {
		return nil, err
	}
	out := make([]float64, classes)
	order := make([]int, len(scores)/classes)
	for class := range out {
		for i := range order {
			order[i] = i*classes + class
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		hits := 0
		for place, at := range order {
			if targets[at] != 0 {
				hits++
				out[class] += float64(hits) / float64(place+1)
			}
		}
		out[class] /= float64(max(hits, 1))
	}
	return out, nil
}

package eval

import (
	"cmp"
	"fmt"
	"slices"
)

// MultiLabel is the result of a classification with any number of right classes a picture.
type MultiLabel struct {
	// MeanAveragePrecision is the mean over all classes, those without positives with 0, as CLIP_benchmark has it.
	MeanAveragePrecision float64 `json:"mean_average_precision"`
	// Present is the mean over the classes with positives.
	Present float64 `json:"mean_average_precision_present"`
	// Micro is the average precision over all pairs of a picture and a class together.
	Micro            float64   `json:"micro_average_precision"`
	AveragePrecision []float64 `json:"average_precision"` // of each class
	Positives        []int     `json:"positives"`         // of each class
	N                int       `json:"n"`
}

// RankLabels measures scores [n, classes] against targets [n, classes]. Equal scores keep the order of the pictures.
func RankLabels(scores []float32, targets []bool, classes int) (MultiLabel, error) {
	if classes < 1 || len(scores) != len(targets) || len(scores)%classes != 0 {
		return MultiLabel{}, fmt.Errorf("multi-label: %d scores, %d targets of %d classes", len(scores), len(targets), classes)
	}
	if err := checkRows("multi-label: scores", scores, classes); err != nil {
		return MultiLabel{}, err
	}
	r := MultiLabel{N: len(scores) / classes}
	present := 0
	column, right := make([]float32, r.N), make([]bool, r.N)
	for c := range classes {
		for i := range r.N {
			column[i], right[i] = scores[i*classes+c], targets[i*classes+c]
		}
		value, positives := averagePrecision(column, right)
		r.AveragePrecision, r.Positives = append(r.AveragePrecision, value), append(r.Positives, positives)
		r.MeanAveragePrecision += value
		if positives > 0 {
			present++
		}
	}
	r.Present = r.MeanAveragePrecision / float64(max(present, 1))
	r.MeanAveragePrecision /= float64(classes)
	r.Micro, _ = averagePrecision(scores, targets)
	return r, nil
}

// averagePrecision is the mean over the positives of the precision at their ranks; 0 without positives.
func averagePrecision(scores []float32, right []bool) (value float64, positives int) {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	for rank, i := range order {
		if right[i] {
			positives++
			value += float64(positives) / float64(rank+1)
		}
	}
	return value / float64(max(positives, 1)), positives
}

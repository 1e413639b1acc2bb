package eval

import (
	"fmt"
	"math"
	"slices"
)

// ZeroShot is the result of a zero-shot classification, as fractions.
type ZeroShot struct {
	Top1               float64  `json:"top1"`
	Top5               *float64 `json:"top5"` // nil below five classes, where CLIP_benchmark reports NaN
	MeanPerClassRecall float64  `json:"mean_per_class_recall"`
	N                  int      `json:"n"`
	Classes            int      `json:"classes"`
	Chance             float64  `json:"chance"`
}

// ClassResult is the result of one class.
type ClassResult struct {
	Class  string   `json:"class"`
	N      int      `json:"n"`
	Recall *float64 `json:"recall"` // share of its pictures that were classified correctly; nil if there are none
	// Precision is the share of the pictures taken for this class that belong to it; nil if there are none.
	Precision *float64 `json:"precision"`
	F1        *float64 `json:"f1"` // harmonic mean of both; nil if the class neither occurs nor is predicted
	// Confused is the class that most of the others were taken for, and ConfusedN their number.
	Confused  string `json:"confused_with,omitempty"`
	ConfusedN int    `json:"confused_n,omitempty"`
}

// Accuracy accumulates the result of a classification batch by batch. Its memory grows with the classes and the confused pairs of
// classes, not with the pictures.
type Accuracy struct {
	ranks         []int          // number of pictures whose label has this rank among the logits
	present, hits []int          // for each class: number of pictures, and how many of them were classified correctly
	wrong         map[[2]int]int // number of pictures by right class and the class that they were taken for
	n             int
}

// NewAccuracy returns an empty Accuracy for a number of classes.
func NewAccuracy(classes int) *Accuracy {
	return &Accuracy{ranks: make([]int, classes), present: make([]int, classes), hits: make([]int, classes), wrong: map[[2]int]int{}}
}

// Add adds a batch: logits [n, classes] and the right class of each row. Equal logits are ranked by class number.
func (a *Accuracy) Add(logits []float32, labels []int) error {
	classes := len(a.present)
	if len(logits) != len(labels)*classes {
		return fmt.Errorf("accuracy: %d logits for %d labels of %d classes", len(logits), len(labels), classes)
	}
	for i, label := range labels {
		if label < 0 || label >= classes {
			return fmt.Errorf("accuracy: label %d of %d classes", label, classes)
		}
		row := logits[i*classes : (i+1)*classes]
		rank, err := rankOf(row, label)
		if err != nil {
			return err
		}
		a.n++
		a.present[label]++
		a.ranks[rank]++
		if rank == 0 {
			a.hits[label]++
		} else {
			a.wrong[[2]int{label, first(row)}]++
		}
	}
	return nil
}

// rankOf is the 0-based rank of the entry at index: largest first, equal ones by position.
func rankOf(row []float32, index int) (int, error) {
	rank, own := 0, row[index]
	for i, v := range row {
		if math.IsNaN(float64(v)) {
			return 0, fmt.Errorf("accuracy: logit %d is NaN", i)
		}
		if v > own || v == own && i < index {
			rank++
		}
	}
	return rank, nil
}

// first is the index of the largest value, of equal ones the first.
func first(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

// Top is the share of pictures whose label is among the k largest logits. It is nil below k classes and without pictures.
func (a *Accuracy) Top(k int) *float64 {
	if len(a.ranks) < k {
		return nil
	}
	hits := 0
	for _, n := range a.ranks[:k] {
		hits += n
	}
	return share(hits, a.n)
}

func share(part, all int) *float64 {
	if all == 0 {
		return nil
	}
	v := float64(part) / float64(all)
	return &v
}

// ByClass returns the result of each class, in the order of names.
func (a *Accuracy) ByClass(names []string) []ClassResult {
	predicted := slices.Clone(a.hits)
	for pair, n := range a.wrong {
		predicted[pair[1]] += n
	}
	out := make([]ClassResult, len(a.present))
	for class, n := range a.present {
		hits := a.hits[class]
		out[class] = ClassResult{
			Class: names[class], N: n, Recall: share(hits, n), Precision: share(hits, predicted[class]),
			F1: share(2*hits, n+predicted[class]),
		}
	}
	most := make([]int, len(out))
	for pair, n := range a.wrong {
		c := &out[pair[0]]
		if n > c.ConfusedN || n == c.ConfusedN && pair[1] < most[pair[0]] {
			c.Confused, c.ConfusedN, most[pair[0]] = names[pair[1]], n, pair[1]
		}
	}
	return out
}

// Confusion counts the pictures by right class (row) and predicted class (column).
func (a *Accuracy) Confusion() [][]int {
	out := make([][]int, len(a.present))
	for class, hits := range a.hits {
		out[class] = make([]int, len(a.present))
		out[class][class] = hits
	}
	for pair, n := range a.wrong {
		out[pair[0]][pair[1]] = n
	}
	return out
}

// Result returns the result so far. The mean recall is over the classes that occurred.
func (a *Accuracy) Result() ZeroShot {
	r := ZeroShot{N: a.n, Classes: len(a.present), Chance: 1 / float64(max(len(a.present), 1))}
	if a.n == 0 {
		return r
	}
	r.Top1, r.Top5 = *a.Top(1), a.Top(5)
	seen := 0
	for class, n := range a.present {
		if n > 0 {
			seen++
			r.MeanPerClassRecall += float64(a.hits[class]) / float64(n)
		}
	}
	r.MeanPerClassRecall /= float64(seen)
	return r
}

// MacroF1 is the mean F1 of the classes that occurred.
func (a *Accuracy) MacroF1() float64 {
	sum, seen := 0.0, 0
	for class, c := range a.ByClass(make([]string, len(a.present))) {
		if a.present[class] > 0 {
			sum, seen = sum+*c.F1, seen+1
		}
	}
	return sum / float64(max(seen, 1))
}

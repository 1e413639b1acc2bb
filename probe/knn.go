package probe

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
)

// KNN classifies by the nearest samples by cosine, for each number K in one pass. Each of them votes for its class with the weight
// exp(cosine / Temperature), as in DINO's evaluation; with Temperature 0 all votes weigh the same. Of equal sums the smaller class number
// wins, of equally near samples the earlier one.
type KNN struct {
	K           []int
	Temperature float64
}

// Neighbours is what the K nearest samples say.
type Neighbours struct {
	K         int     `json:"k"`
	Top1      float64 `json:"knn_acc1"`
	Top5      float64 `json:"knn_acc5"` // the label has one of the five largest sums; a class without a vote is never among them
	Predicted []int   `json:"-"`        // the class of each sample
}

// queries is the number of samples that are classified at a time.
const queries = 256

// Check returns an error of kind fault.Usage for numbers that can't be meant.
func (k KNN) Check() error {
	if len(k.K) == 0 || !(k.Temperature >= 0) || math.IsInf(k.Temperature, 0) {
		return fault.Usagef("neighbours %v with temperature %v: numbers of neighbours and a temperature of at least 0 are needed", k.K,
			k.Temperature)
	}
	for i, n := range k.K {
		if n < 1 || slices.Contains(k.K[:i], n) {
			return fault.Usagef("%d neighbours: numbers are at least 1, each once", n)
		}
	}
	return nil
}

// Measure classifies the samples of test by those of train, for each K. A K beyond the number of training samples means all of them.
func (k KNN) Measure(ctx context.Context, train, test Set) ([]Neighbours, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	classes := max(train.Classes(), test.Classes())
	if train.Dim != test.Dim {
		return nil, fmt.Errorf("probe: features of %d and %d dimensions", train.Dim, test.Dim)
	}
	for _, s := range []Set{train, test} {
		if err := s.check(classes); err != nil {
			return nil, err
		}
	}
	out := make([]Neighbours, len(k.K))
	for i, n := range k.K {
		out[i].K = min(n, train.Len())
	}
	query := test.Normalized()
	err := torch.Do(ctx, func(s *torch.Scope) error {
		gallery := torch.From(s, train.Normalized().Features, train.Len(), train.Dim).Transpose(0, 1)
		for from := 0; from < query.Len(); from += queries {
			if err := ctx.Err(); err != nil {
				return err
			}
			to := min(from+queries, query.Len())
			s.Within(func(inner *torch.Scope) {
				near := torch.From(inner, query.Features[from*query.Dim:to*query.Dim], to-from, query.Dim).Matmul(gallery).Float32s()
				for i := range to - from {
					k.add(out, near[i*train.Len():(i+1)*train.Len()], train.Labels, test.Labels[from+i], classes)
				}
			})
		}
		return nil
	})
	for i := range out {
		out[i].Top1 /= float64(test.Len())
		out[i].Top5 /= float64(test.Len())
	}
	return out, err
}

// add counts a sample with a label by its cosines with all training samples.
func (k KNN) add(out []Neighbours, cosines []float32, labels []int, label, classes int) {
	nearest := nearest(cosines, slices.Max(k.K))
	for at := range out {
		votes := make([]float64, classes)
		for _, i := range nearest[:out[at].K] {
			weight := 1.0
			if k.Temperature > 0 {
				weight = math.Exp(float64(cosines[i]-cosines[nearest[0]]) / k.Temperature)
			}
			votes[labels[i]] += weight
		}
		better, best := 0, 0
		for c, v := range votes {
			if v > votes[best] {
				best = c
			}
			if v > votes[label] || v == votes[label] && c < label {
				better++
			}
		}
		out[at].Predicted = append(out[at].Predicted, best)
		if best == label {
			out[at].Top1++
		}
		if better < 5 && votes[label] > 0 {
			out[at].Top5++
		}
	}
}

// nearest are the indices of the n largest cosines, the largest first.
func nearest(cosines []float32, n int) []int {
	out := make([]int, 0, n+1)
	for i, c := range cosines {
		if len(out) == n && c <= cosines[out[n-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(out, i, func(other, i int) int {
			return cmp.Or(cmp.Compare(cosines[i], cosines[other]), cmp.Compare(other, i))
		})
		out = slices.Insert(out, at, i)
		out = out[:min(len(out), n)]
	}
	return out
}

package probe

import (
	"cmp"
	"context"
	"math"
	"slices"

	"clipgo/internal/fault"
	"clipgo/internal/torch"
)

// KNN classifies by the k nearest samples by cosine. Each votes for its class with the weight exp(cosine / Temperature), as in DINO's
// evaluation; with Temperature 0 all votes weigh the same. Of equal sums the smaller class number wins, of equally near samples the earlier
// one.
type KNN struct {
	K           int
	Temperature float64
}

// queries is the number of samples that are classified at a time.
const queries = 256

// Predict returns the class of each row of features [n, dim], found among the samples of train.
func (k KNN) Predict(ctx context.Context, train Set, features []float32) ([]int, error) {
	if k.K < 1 {
		return nil, fault.Usagef("%d neighbours: at least 1 is needed", k.K)
	}
	if err := train.check(train.Classes()); err != nil {
		return nil, err
	}
	query := Set{Features: features, Dim: train.Dim, Labels: make([]int, len(features)/train.Dim)}.Normalized()
	var out []int
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
					out = append(out, k.vote(near[i*train.Len():(i+1)*train.Len()], train.Labels))
				}
			})
		}
		return nil
	})
	return out, err
}

// vote is the class for the cosines with all samples.
func (k KNN) vote(cosines []float32, labels []int) int {
	nearest := make([]int, 0, k.K+1) // sorted, nearest first
	for i, c := range cosines {
		if len(nearest) == k.K && c <= cosines[nearest[k.K-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(nearest, i, func(other, i int) int {
			return cmp.Or(cmp.Compare(cosines[i], cosines[other]), cmp.Compare(other, i))
		})
		nearest = slices.Insert(nearest, at, i)
		nearest = nearest[:min(len(nearest), k.K)]
	}
	votes := make([]float64, Set{Labels: labels}.Classes())
	for _, i := range nearest {
		weight := 1.0
		if k.Temperature > 0 {
			weight = math.Exp(float64(cosines[i]) / k.Temperature)
		}
		votes[labels[i]] += weight
	}
	best := 0
	for c, v := range votes {
		if v > votes[best] {
			best = c
		}
	}
	return best
}

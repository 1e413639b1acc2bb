package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/internal/vec"
)

// Study is a protocol with several numbers of samples per class, each with several seeds.
type Study struct {
	Protocol
	Shots []int    // empty: all samples
	Seeds []uint64 // empty: that of the protocol
}

// Runs are the results of a study with one number of samples per class.
type Runs struct {
	Shots   int       `json:"fewshot_k"` // -1: all samples
	Results []*Result `json:"runs"`      // one for each seed
	Top1    Spread    `json:"lp_acc1"`
	Recall  Spread    `json:"lp_mean_per_class_recall"`
	// NearestMean is the accuracy of the nearest class mean on the same samples.
	NearestMean Spread `json:"nearest_mean_acc1"`
}

// Top5 is the mean of the runs' top-5 accuracy; nil where it isn't defined.
func (r Runs) Top5() *float64 {
	sum := 0.0
	for _, one := range r.Results {
		if one.Top5 == nil {
			return nil
		}
		sum += *one.Top5
	}
	sum /= float64(len(r.Results))
	return &sum
}

// Spread are a mean and the standard deviation of single values, with n - 1; of one value it is 0.
type Spread struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"std"`
}

func spread(values []float64) (s Spread) {
	n := float64(len(values))
	for _, v := range values {
		s.Mean += v / n
	}
	for _, v := range values {
		s.Deviation += (v - s.Mean) * (v - s.Mean)
	}
	s.Deviation = math.Sqrt(s.Deviation / max(n-1, 1))
	return s
}

// Check returns an error of kind fault.Usage for numbers that can't be meant.
func (s Study) Check() error {
	if !(s.HeldOut >= 0 && s.HeldOut < 1) {
		return fault.Setting("val_proportion", "%v: it is above 0 and below 1", s.HeldOut)
	}
	for i, k := range s.Shots {
		if k < 1 || slices.Contains(s.Shots[:i], k) {
			return fault.Setting("fewshot_k", "%d samples per class: numbers are at least 1, each once", k)
		}
	}
	for i, seed := range s.Seeds {
		if slices.Contains(s.Seeds[:i], seed) {
			return fault.Setting("seeds", "seed %d is named twice", seed)
		}
	}
	return nil
}

// Measure makes the study. Numbers that a class has too few samples for are left out, and notes say so; if that is true of all, it is an
// error of kind fault.Data.
func (s Study) Measure(ctx context.Context, train, val, test Set, classes int) (all []Runs, notes []string, err error) {
	shots, seeds := s.Shots, s.Seeds
	if len(shots) == 0 {
		shots = []int{0}
	}
	if len(seeds) == 0 {
		seeds = []uint64{s.Seed}
	}
	var short []error
	for _, k := range shots {
		if k > 0 {
			if _, err := FewShot(train.Labels, k, 0); err != nil {
				short = append(short, err)
				notes = append(notes, fmt.Sprintf("%d samples per class: left out, %v", k, err))
				continue
			}
		}
		runs, err := s.runs(ctx, k, seeds, train, val, test, classes)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, runs)
	}
	if len(all) == 0 {
		return nil, nil, errors.Join(short...)
	}
	return all, notes, nil
}

func (s Study) runs(ctx context.Context, k int, seeds []uint64, train, val, test Set, classes int) (r Runs, err error) {
	var top, recall, nearest []float64
	for _, seed := range seeds {
		p := s.Protocol
		p.Seed, p.Shots = seed, k
		one, err := p.Measure(ctx, train, val, test, classes)
		if err != nil {
			return r, err
		}
		drawn := train
		if one.Rows != nil {
			drawn = train.Select(one.Rows)
		}
		if one.NearestMean, err = nearestMean(drawn, test, classes); err != nil {
			return r, err
		}
		r.Shots, r.Results = one.Shots, append(r.Results, one)
		top, recall = append(top, one.Top1), append(recall, one.MeanPerClassRecall)
		nearest = append(nearest, one.NearestMean)
	}
	r.Top1, r.Recall, r.NearestMean = spread(top), spread(recall), spread(nearest)
	return r, nil
}

// nearestMean is the accuracy on test of the class whose mean of unit features has the largest cosine with the sample; a class without
// samples is never taken.
func nearestMean(train, test Set, classes int) (float64, error) {
	unit, far := train.Normalized(), test.Normalized()
	means := make([][]float32, classes)
	for i, label := range unit.Labels {
		if means[label] == nil {
			means[label] = make([]float32, unit.Dim)
		}
		for j, v := range unit.Row(i) {
			means[label][j] += v
		}
	}
	count := eval.NewAccuracy(classes)
	for i, label := range far.Labels {
		cosines := make([]float32, classes)
		for c, mean := range means {
			if cosines[c] = -2; mean != nil {
				cosines[c] = float32(vec.Dot(far.Row(i), mean) / max(vec.Norm(mean), 1e-12))
			}
		}
		if err := count.Add(cosines, []int{label}); err != nil {
			return 0, fault.Dataf("the nearest class mean: %v", err)
		}
	}
	return count.Result().Top1, nil
}

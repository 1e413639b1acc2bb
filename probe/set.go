package probe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"clipgo/internal/fault"
	"clipgo/internal/vec"
)

// Set is samples with labels.
type Set struct {
	Features []float32 // [n, Dim], row-major
	Dim      int
	Labels   []int // n class numbers, 0 to the number of classes - 1
}

// Len is the number of samples.
func (s Set) Len() int { return len(s.Labels) }

// Row is the features of sample i.
func (s Set) Row(i int) []float32 { return s.Features[i*s.Dim : (i+1)*s.Dim] }

// Classes is the largest label plus one.
func (s Set) Classes() int {
	if s.Len() == 0 {
		return 0
	}
	return slices.Max(s.Labels) + 1
}

// Select is the samples with the given indices, in their order.
func (s Set) Select(rows []int) Set {
	out := Set{Dim: s.Dim, Features: make([]float32, 0, len(rows)*s.Dim), Labels: make([]int, 0, len(rows))}
	for _, r := range rows {
		out.Features = append(out.Features, s.Row(r)...)
		out.Labels = append(out.Labels, s.Labels[r])
	}
	return out
}

// Join is the samples of s followed by those of other.
func (s Set) Join(other Set) Set {
	return Set{Dim: s.Dim, Features: slices.Concat(s.Features, other.Features), Labels: slices.Concat(s.Labels, other.Labels)}
}

// Normalized is the set with rows of length 1. A row of zeros stays as it is.
func (s Set) Normalized() Set {
	out := Set{Dim: s.Dim, Features: slices.Clone(s.Features), Labels: s.Labels}
	for i := range s.Labels {
		row := out.Row(i)
		norm := float32(max(vec.Norm(row), 1e-12))
		for j := range row {
			row[j] /= norm
		}
	}
	return out
}

// check returns an error of kind fault.Data unless the set can be fitted or measured with the number of classes.
func (s Set) check(classes int) error {
	switch {
	case s.Dim < 1 || len(s.Features) != s.Len()*s.Dim:
		return fmt.Errorf("probe: %d features for %d samples of %d dimensions", len(s.Features), s.Len(), s.Dim)
	case s.Len() == 0:
		return fault.Dataf("the probe has no samples")
	}
	for i, l := range s.Labels {
		if l < 0 || l >= classes {
			return fault.Dataf("sample %d has the label %d; labels are 0 to %d", i, l, classes-1)
		}
	}
	for i, v := range s.Features {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fault.Dataf("the features of sample %d are not finite", i/s.Dim)
		}
	}
	return nil
}

// FewShot chooses k samples of each class at random and returns their indices in the order of the draw. The choice depends on the labels
// and the seed. A class with fewer than k samples is an error of kind fault.Data.
func FewShot(labels []int, k int, seed uint64) ([]int, error) {
	if k < 1 {
		return nil, fault.Usagef("%d samples per class: at least 1 is needed", k)
	}
	there := map[int]int{}
	for _, l := range labels {
		there[l]++
	}
	for class := range (Set{Labels: labels}).Classes() {
		if there[class] < k {
			return nil, fault.Dataf("class %d has %d samples; %d per class are asked for", class, there[class], k)
		}
	}
	taken := map[int]int{}
	var rows []int
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(labels)) {
		if l := labels[i]; taken[l] < k {
			taken[l]++
			rows = append(rows, i)
		}
	}
	return rows, nil
}

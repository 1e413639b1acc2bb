package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Difference compares two results on the same samples.
type Difference struct {
	N      int     `json:"n"`
	Better int     `json:"better"` // samples that only the first got right
	Worse  int     `json:"worse"`  // samples that only the second got right
	Value  float64 `json:"value"`  // first minus second, as a fraction
	// Low and High are the 95 % interval of Value by the paired bootstrap.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Significant reports whether the interval excludes 0.
func (d Difference) Significant() bool { return d.Low > 0 || d.High < 0 }

const (
	resamples = 2000
	// resampled is the number of samples above which the interval is that of the normal distribution, to which the bootstrap's converges.
	resampled = 2000
)

// Compare compares outcomes of the same samples in the same order: texts with 1 for each that was right and 0 for each other. The interval
// is the same each time.
func Compare(first, second string) (Difference, error) {
	d := Difference{N: len(first)}
	if len(second) != d.N || d.N == 0 {
		return d, fmt.Errorf("compare: outcomes of %d and %d samples", d.N, len(second))
	}
	for i := range d.N {
		switch {
		case first[i] == second[i]:
		case first[i] == '1':
			d.Better++
		default:
			d.Worse++
		}
	}
	n := float64(d.N)
	d.Value = float64(d.Better-d.Worse) / n
	if d.N > resampled {
		deviation := math.Sqrt((float64(d.Better+d.Worse)/n - d.Value*d.Value) / n)
		d.Low, d.High = d.Value-1.959964*deviation, d.Value+1.959964*deviation
		return d, nil
	}
	d.bootstrap()
	return d, nil
}

// bootstrap draws samples with replacement, always the same ones, and takes the 2.5th and 97.5th percentile of the mean differences.
func (d *Difference) bootstrap() {
	random := rand.New(rand.NewPCG(1, uint64(d.N)))
	means := make([]float64, resamples)
	for r := range means {
		sum := 0
		for range d.N {
			switch i := random.IntN(d.N); {
			case i < d.Better:
				sum++
			case i < d.Better+d.Worse:
				sum--
			}
		}
		means[r] = float64(sum) / float64(d.N)
	}
	slices.Sort(means)
	d.Low, d.High = means[int(0.025*resamples)], means[int(0.975*resamples)-1]
}

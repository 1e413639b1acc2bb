package eval

import (
	"fmt"
	"math"
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

// fewestChanged is the number of samples from which on a difference can be significant: if all of 5 change to the same side, a sign test
// has p = 0.06. The bootstrap of few samples doesn't know that: of one sample that changed, all resamples agree.
const fewestChanged = 6

// Significant reports whether the interval excludes 0, and enough samples changed for that to mean something.
func (d Difference) Significant() bool {
	return (d.Low > 0 || d.High < 0) && d.Better+d.Worse >= fewestChanged
}

// resampled is the number of samples above which the interval is that of the normal distribution, to which the bootstrap's converges.
const resampled = 10000

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

// bootstrap sets the 2.5th and 97.5th percentile of the mean of n samples that are drawn with replacement. Nothing is drawn: a sum of n
// draws of -1, 0 and 1 has a known distribution, the coefficients of (worse/n + same/n x + better/n x^2)^n, so this is the interval of
// infinitely many resamples.
func (d *Difference) bootstrap() {
	logs, low := d.sums()
	d.Low = float64(low+quantile(logs, 0.025)) / float64(d.N)
	d.High = float64(low+quantile(logs, 0.975)) / float64(d.N)
}

// sums are the logarithms of the probabilities of the sums of n draws, from the sum low on, up to a constant.
func (d *Difference) sums() (logs []float64, low int) {
	same := d.N - d.Better - d.Worse
	switch {
	case d.Worse == 0:
		logs = make([]float64, d.N+1)
		binomial(logs, d.N, 1, same, d.Better)
		return logs, 0
	case d.Better == 0:
		logs = make([]float64, d.N+1)
		binomial(logs, d.N, 1, d.Worse, same)
		return logs, -d.N
	case same == 0:
		logs = make([]float64, 2*d.N+1)
		for i := range logs {
			logs[i] = math.Inf(-1)
		}
		binomial(logs, d.N, 2, d.Worse, d.Better)
		return logs, -d.N
	}
	return d.trinomials(same)
}

// deviations is the number of standard deviations from the mean within which sums are looked at.
const deviations = 12

// trinomials are the sums where samples are better, worse and the same. The recurrence has no differences of large numbers up to the sum 0.
// Sums above it are those below it of the mirrored difference.
func (d *Difference) trinomials(same int) (logs []float64, low int) {
	mean := float64(d.Better - d.Worse)
	width := deviations*math.Sqrt(float64(d.Better+d.Worse)-mean*mean/float64(d.N)) + 2
	low, high := max(-d.N, int(mean-width)), min(d.N, int(mean+width)+1)
	logs = make([]float64, high-low+1)
	if low <= 0 {
		lower := trinomial(d.N, d.Worse, same, d.Better, low+d.N, min(high, 0)+d.N)
		copy(logs, lower)
	}
	if high > 0 {
		from := max(low, 0)
		upper := trinomial(d.N, d.Better, same, d.Worse, d.N-high, d.N-from)
		at, shift := from-low, 0.0
		if low <= 0 { // both have the sum 0
			shift = logs[at] - upper[len(upper)-1]
		}
		for i, v := range upper {
			logs[high-low-i] = v + shift
		}
	}
	return logs, low
}

// binomial sets logs[step k] to the logarithm of the probability of k ones among n draws of first zeros and second ones, up to a constant.
func binomial(logs []float64, n, step, first, second int) {
	if first == 0 || second == 0 {
		for k := range n + 1 {
			logs[step*k] = math.Inf(-1)
		}
		if logs[0] = 0; first == 0 {
			logs[0], logs[step*n] = math.Inf(-1), 0
		}
		return
	}
	odds := float64(second) / float64(first)
	sum := 0.0
	for k := range n + 1 {
		logs[step*k] = sum
		sum += math.Log(float64(n-k) / float64(k+1) * odds)
	}
}

// trinomial are the logarithms of the coefficients first to last, at most n, of (a + b x + c x^2)^n, up to a constant, by the ratios of
// neighbours: q' p = n p' q for q = p^n.
func trinomial(n, a, b, c, first, last int) []float64 {
	logs := make([]float64, last-first+1)
	sum, ratio := 0.0, 0.0
	for k := range last + 1 {
		if k >= first {
			logs[k-first] = sum
		}
		next := float64(n-k) * float64(b)
		if k > 0 {
			next += float64(2*n-k+1) * float64(c) / ratio
		}
		ratio = next / (float64(k+1) * float64(a))
		if k >= first {
			sum += math.Log(ratio)
		}
	}
	return logs
}

// quantile is the first place at which the sum of probabilities reaches a share of all.
func quantile(logs []float64, share float64) int {
	top, all := slices.Max(logs), 0.0
	for _, v := range logs {
		all += math.Exp(v - top)
	}
	sum := 0.0
	for i, v := range logs {
		if sum += math.Exp(v - top); sum >= share*all {
			return i
		}
	}
	return len(logs) - 1
}

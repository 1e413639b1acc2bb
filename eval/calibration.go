package eval

import "math"

// calibrationBins is how many equal intervals of confidence the error is summed over (Guo et al., 2017).
const calibrationBins = 15

// Calibration compares how sure answers are with how often they are right.
type Calibration struct {
	// Error is the expected calibration error: the mean over answers of |accuracy - confidence| of the answer's bin.
	Error      float64 `json:"expected_error"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`
	Bins       []Bin   `json:"bins"` // from 0 to 1, each a fifteenth wide
}

// Bin is the answers of one interval of confidence.
type Bin struct {
	N          int     `json:"n"`
	Confidence float64 `json:"confidence"` // mean; 0 without answers
	Accuracy   float64 `json:"accuracy"`
}

// add counts an answer.
func (c *Calibration) add(confidence float64, right bool) {
	if c.Bins == nil {
		c.Bins = make([]Bin, calibrationBins)
	}
	b := &c.Bins[min(calibrationBins-1, int(confidence*calibrationBins))]
	b.N++
	b.Confidence += confidence
	if right {
		b.Accuracy++
	}
}

// finish turns sums into means.
func (c *Calibration) finish() {
	total := 0
	for i := range c.Bins {
		total += c.Bins[i].N
	}
	for i := range c.Bins {
		b := &c.Bins[i]
		if b.N == 0 {
			continue
		}
		c.Confidence += b.Confidence / float64(total)
		c.Accuracy += b.Accuracy / float64(total)
		b.Confidence /= float64(b.N)
		b.Accuracy /= float64(b.N)
		c.Error += math.Abs(b.Accuracy-b.Confidence) * float64(b.N) / float64(total)
	}
}

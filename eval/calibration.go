package eval

import "math"

// calibrationBins is the number of equal bins of confidence (Guo et al., 2017).
const calibrationBins = 15

// Calibration compares the confidence of predictions with their accuracy.
type Calibration struct {
	// Error is the expected calibration error: the mean over predictions of |accuracy - confidence| of the prediction's bin.
	Error      float64 `json:"expected_error"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`
	Bins       []Bin   `json:"bins"` // from 0 to 1, each 1/15 wide; a bin includes its upper end
}

// Bin holds the predictions in one interval of confidence.
type Bin struct {
	N          int     `json:"n"`
	Confidence float64 `json:"confidence"` // mean; 0 if the bin is empty
	Accuracy   float64 `json:"accuracy"`
}

// add adds a prediction.
func (c *Calibration) add(confidence float64, right bool) {
	if c.Bins == nil {
		c.Bins = make([]Bin, calibrationBins)
	}
	b := &c.Bins[min(max(int(math.Ceil(confidence*calibrationBins))-1, 0), calibrationBins-1)] // (low, high]
	b.N++
	b.Confidence += confidence
	if right {
		b.Accuracy++
	}
}

// finish converts sums to means.
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

// largest is the largest |accuracy - confidence| of a bin, after finish.
func (c *Calibration) largest() (gap float64) {
	for _, b := range c.Bins {
		if b.N > 0 {
			gap = max(gap, math.Abs(b.Accuracy-b.Confidence))
		}
	}
	return gap
}

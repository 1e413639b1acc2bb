package eval

import (
	"cmp"
	"math"
	"slices"
)

// Reliability compares the probabilities of a classifier with what is right.
type Reliability struct {
	Scale float64 `json:"scale"` // that the cosines were multiplied with
	// ECE is the expected calibration error: the mean over predictions of |accuracy - confidence| of the prediction's bin, of 15 equal ones
	// that include their upper end. MCE is the largest of these gaps, ACE the mean gap of 15 groups of equal size.
	ECE float64 `json:"ece"`
	MCE float64 `json:"mce"`
	ACE float64 `json:"ace"`
	// Brier is the mean squared distance of the probabilities from the label's, NLL the mean of -log p(label).
	Brier      float64 `json:"brier"`
	NLL        float64 `json:"nll"`
	Confidence float64 `json:"confidence"` // mean
	Accuracy   float64 `json:"accuracy"`
	Bins       []Bin   `json:"bins"` // those of the ECE
}

// prediction is a confidence and whether it was right.
type prediction struct {
	confidence float64
	right      bool
}

// Reliable measures the probabilities softmax(scale * cosines) [n, classes] against labels.
func Reliable(cosines []float32, labels []int, classes int, scale float64) (Reliability, error) {
	if err := NewAccuracy(classes).Add(cosines, labels); err != nil {
		return Reliability{}, err
	}
	r := Reliability{Scale: scale}
	if len(labels) == 0 {
		return r, nil
	}
	p := make([]float64, classes)
	var all []prediction
	for i, label := range labels {
		row := cosines[i*classes : (i+1)*classes]
		r.NLL -= softmax(p, row, scale)[label]
		best := first(row)
		confidence := math.Exp(p[best])
		for k, v := range p {
			d := math.Exp(v)
			if k == label {
				d--
			}
			r.Brier += d * d
		}
		all = append(all, prediction{confidence, best == label})
	}
	n := float64(len(labels))
	r.NLL, r.Brier = r.NLL/n, r.Brier/n
	r.bins(all)
	return r, nil
}

// softmax fills p with log(softmax(scale * row)).
func softmax(p []float64, row []float32, scale float64) []float64 {
	top, sum := scale*float64(slices.Max(row)), 0.0
	for k, v := range row {
		p[k] = scale*float64(v) - top
		sum += math.Exp(p[k])
	}
	norm := math.Log(sum)
	for k := range p {
		p[k] -= norm
	}
	return p
}

// bins fills in what is measured on groups of predictions.
func (r *Reliability) bins(all []prediction) {
	var c Calibration
	for _, p := range all {
		c.add(p.confidence, p.right)
	}
	c.finish()
	r.ECE, r.MCE, r.Confidence, r.Accuracy, r.Bins = c.Error, c.largest(), c.Confidence, c.Accuracy, c.Bins
	slices.SortStableFunc(all, func(a, b prediction) int { return cmp.Compare(a.confidence, b.confidence) })
	groups := 0
	for _, group := range arraySplit(all, calibrationBins) {
		if len(group) > 0 {
			r.ACE, groups = r.ACE+gapOf(group), groups+1
		}
	}
	r.ACE /= float64(groups)
}

// arraySplit cuts a list into parts whose lengths differ by at most 1, the longer ones first, as numpy.array_split does.
func arraySplit(all []prediction, parts int) [][]prediction {
	var out [][]prediction
	for i := range parts {
		n := len(all) / (parts - i)
		if len(all)%(parts-i) > 0 {
			n++
		}
		out, all = append(out, all[:n]), all[n:]
	}
	return out
}

// gapOf is |accuracy - confidence| of a group that isn't empty.
func gapOf(group []prediction) float64 {
	difference := 0.0
	for _, p := range group {
		difference -= p.confidence
		if p.right {
			difference++
		}
	}
	return math.Abs(difference) / float64(len(group))
}

// FitScale finds the scale of the cosines [n, classes] that gives the labels the highest likelihood, between 0.01 and 1e4. The negative log
// likelihood is convex in the scale; the search halves an interval of its logarithm. It is the inverse of a temperature.
func FitScale(cosines []float32, labels []int, classes int) (float64, error) {
	if err := NewAccuracy(classes).Add(cosines, labels); err != nil {
		return 0, err
	}
	p := make([]float64, classes)
	slope := func(scale float64) (sum float64) { // d NLL / d scale = mean of (expected cosine - cosine of the label)
		for i, label := range labels {
			row := cosines[i*classes : (i+1)*classes]
			for k, v := range softmax(p, row, scale) {
				sum += math.Exp(v) * float64(row[k])
			}
			sum -= float64(row[label])
		}
		return sum
	}
	low, high := math.Log(0.01), math.Log(1e4)
	for range 60 {
		middle := (low + high) / 2
		if slope(math.Exp(middle)) > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	return math.Exp((low + high) / 2), nil
}

// Predict is the class of the largest logit, of equal ones the first, and its share of the softmax.
func Predict(logits []float32) (class int, confidence float64) {
	class = first(logits)
	return class, math.Exp(softmax(make([]float64, len(logits)), logits, 1)[class])
}

package probe

import "math"

// Trial is a strength of the regularization that was tried, and the accuracy on the validation set.
type Trial struct {
	Decay    float64 `json:"weight_decay,omitempty"`
	C        float64 `json:"C,omitempty"`
	Accuracy float64 `json:"val_acc1"`
	// The rest is of logistic regression.
	Objective  float64 `json:"objective,omitempty"`
	Iterations int     `json:"iterations,omitempty"`
	Unfinished bool    `json:"unfinished,omitempty"` // the minimum wasn't reached
}

const (
	gridSize  = 97
	firstSpan = 8 // of the fine search; the coarse one has twice its distance
)

// decay is value i of the grid of weight decays: from 1e-6 to 100, twelve a decade.
func decay(i int) float64 { return math.Pow(10, -6+float64(i)/12) }

// SearchDecay finds a weight decay as CLIP_benchmark does: the best of seven values from 1e-6 to 100, then the best of three around it,
// four times with half the distance. A value is better if its accuracy is higher than those of all values tried before in the same round.
// Among equals the one tried first is taken. accuracy fits a probe and measures it; it is called once for each value.
func SearchDecay(accuracy func(decay float64) (float64, error)) (best float64, trials []Trial, err error) {
	return searchGrid(decay, accuracy)
}

// searchGrid is the search of SearchDecay on any grid of 97 values. A trial's Decay is the value.
func searchGrid(value func(i int) float64, accuracy func(v float64) (float64, error)) (best float64, trials []Trial, err error) {
	known := map[int]float64{}
	round := func(indices ...int) (peak int, err error) {
		highest := 0.0
		for _, i := range indices {
			a, ok := known[i]
			if !ok {
				if a, err = accuracy(value(i)); err != nil {
					return 0, err
				}
				known[i] = a
			}
			trials = append(trials, Trial{Decay: value(i), Accuracy: a})
			if a > highest {
				peak, highest = i, a
			}
		}
		return peak, nil
	}
	var coarse []int
	for i := 0; i < gridSize; i += 2 * firstSpan {
		coarse = append(coarse, i)
	}
	peak, err := round(coarse...)
	for span := firstSpan; span > 0 && err == nil; span /= 2 {
		peak, err = round(max(peak-span, 0), peak, min(peak+span, gridSize-1))
	}
	if err != nil {
		return 0, nil, err
	}
	return value(peak), trials, nil
}

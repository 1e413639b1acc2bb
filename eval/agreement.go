package eval

import (
	"fmt"
	"math"
)

// Agreement is how often a reward agrees with the judges' preferences.
type Agreement struct {
	Value float64 `json:"agreement"` // fraction of the pairs without ties; equal rewards count half
	Pairs int     `json:"pairs"`     // ties included
	Ties  int     `json:"ties"`
	Equal int     `json:"equal_rewards"` // pairs whose rewards are the same, bit for bit
	// Margin is the mean difference of the rewards of the preferred and the other side.
	Margin float64 `json:"margin"`

	agreed float64
	margin float64
}

// Add counts a batch of pairs: the rewards of both sides, and the judges' share for the first (0.5: a tie). A reward
// that is not finite is an error.
func (a *Agreement) Add(first, second []float32, preferred []float64) error {
	if len(first) != len(second) || len(first) != len(preferred) {
		return fmt.Errorf("agreement: %d and %d rewards for %d judgements", len(first), len(second), len(preferred))
	}
	for i, p := range preferred {
		d := float64(first[i]) - float64(second[i])
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return fmt.Errorf("agreement: the rewards of a pair are %v and %v", first[i], second[i])
		}
		a.Pairs++
		if d == 0 {
			a.Equal++
		}
		if p == 0.5 {
			a.Ties++
			continue
		}
		if p < 0.5 {
			d = -d
		}
		a.margin += d
		switch {
		case d > 0:
			a.agreed++
		case d == 0:
			a.agreed += 0.5
		}
	}
	if judged := float64(a.Pairs - a.Ties); judged > 0 {
		a.Value, a.Margin = a.agreed/judged, a.margin/judged
	}
	return nil
}

package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// frequency is a number of steps, or of epochs until the data is known.
type frequency struct {
	steps  int     // 0: never; Unset: not set
	epochs float64 // 0: it is steps that are said
}

var errFrequency = errors.New("want a number of steps from 0 on, or of epochs such as 1epoch or 0.5epochs")

// mostSteps bounds numbers of steps, so that positions in the data stay far from the largest integer.
const mostSteps = 1_000_000_000

// UnmarshalJSON takes a whole number, or a number with epoch or epochs behind it.
func (f *frequency) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		number, ok := strings.CutSuffix(strings.TrimSuffix(text, "s"), "epoch")
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if !ok || err != nil || !(n > 0 && n <= mostEpochs) {
			return errFrequency
		}
		*f = frequency{epochs: n}
		return nil
	}
	var n float64
	if err := json.Unmarshal(data, &n); err != nil || n != math.Trunc(n) || n < Unset || n > mostSteps {
		return errFrequency
	}
	*f = frequency{steps: int(n)}
	return nil
}

// MarshalJSON writes what UnmarshalJSON takes.
func (f frequency) MarshalJSON() ([]byte, error) {
	if f.epochs > 0 {
		return json.Marshal(fmt.Sprintf("%gepochs", f.epochs))
	}
	return json.Marshal(f.steps)
}

// settle turns epochs, which have the given number of steps each, into steps, and what isn't set into a default.
func (f *frequency) settle(stepsOfEpoch float64, unset int) {
	switch {
	case f.epochs > 0:
		*f = frequency{steps: max(1, int(math.Round(f.epochs*stepsOfEpoch)))}
	case f.steps == Unset:
		f.steps = unset
	}
}

// due reports whether something of this frequency is due after a step.
func (f frequency) due(step int) bool { return f.steps > 0 && step%f.steps == 0 }

package eval

import (
	"fmt"
	"math"
)

// Robustness compares the accuracy on shifted data sets with that on a reference set of the same classes.
type Robustness struct {
	Reference string  `json:"reference"`
	N         int     `json:"n"`
	Accuracy  float64 `json:"accuracy"` // on the reference set
	Shifts    []Shift `json:"shifts"`
	// MeanShifted is the mean accuracy of the shifted sets, MeanDrop the mean gap, and Retained the mean of the ratios to the reference.
	MeanShifted float64  `json:"mean_shifted"`
	MeanDrop    float64  `json:"mean_drop"`
	Retained    *float64 `json:"retained"` // nil if an accuracy on the reference is 0
	Notes       []string `json:"notes"`
}

// Shift is the accuracy on a shifted set.
type Shift struct {
	Data      string   `json:"data"`
	N         int      `json:"n"`
	Classes   int      `json:"classes"`
	Accuracy  float64  `json:"accuracy"`
	Reference float64  `json:"reference_accuracy"` // on the reference set, with the pictures and the names of these classes alone
	Gap       float64  `json:"gap"`                // reference minus accuracy
	Retained  *float64 `json:"retained"`           // accuracy over reference; nil if that is 0
	// Expected is the accuracy that the baseline models lead to expect, and Effective the accuracy minus that; nil without a baseline.
	Expected  *float64 `json:"expected,omitempty"`
	Effective *float64 `json:"effective_robustness,omitempty"`
	Models    int      `json:"baseline_models,omitempty"`
}

// NewShift is a set's shift, without a baseline.
func NewShift(data string, n, classes int, accuracy, reference float64) Shift {
	s := Shift{Data: data, N: n, Classes: classes, Accuracy: accuracy, Reference: reference, Gap: reference - accuracy}
	if reference > 0 {
		ratio := accuracy / reference
		s.Retained = &ratio
	}
	return s
}

// Finish computes the means.
func (r *Robustness) Finish() {
	n := float64(len(r.Shifts))
	retained := 0.0
	r.Retained = &retained
	for _, s := range r.Shifts {
		r.MeanShifted += s.Accuracy / n
		r.MeanDrop += s.Gap / n
		if s.Retained == nil {
			r.Retained = nil
		} else {
			retained += *s.Retained / n
		}
	}
	r.Notes = append([]string{}, r.Notes...)
}

// Baseline is the accuracy on a shifted set that models have by their accuracy on the reference set: a line between the logits of both
// (Taori et al., 2020).
type Baseline struct{ Slope, Offset float64 }

// FitBaseline fits the line to models: accuracies on the reference and on the shifted set. An accuracy of 0 or 1 counts as half a sample
// of n away from it.
func FitBaseline(reference, shifted []float64, n int) (Baseline, error) {
	if len(reference) != len(shifted) {
		return Baseline{}, fmt.Errorf("baseline: accuracies of %d and %d models", len(reference), len(shifted))
	}
	var mx, my, sxx, sxy float64
	count := float64(len(reference))
	for i := range reference {
		mx, my = mx+logit(reference[i], n)/count, my+logit(shifted[i], n)/count
	}
	for i := range reference {
		x, y := logit(reference[i], n)-mx, logit(shifted[i], n)-my
		sxx, sxy = sxx+x*x, sxy+x*y
	}
	if !(sxx > 0) {
		return Baseline{}, fmt.Errorf("baseline: %d models whose accuracies on the reference set don't differ; a line needs two",
			len(reference))
	}
	return Baseline{Slope: sxy / sxx, Offset: my - sxy/sxx*mx}, nil
}

// Expected is the accuracy on the shifted set that belongs to one on the reference set.
func (b Baseline) Expected(reference float64, n int) float64 {
	return 1 / (1 + math.Exp(-(b.Slope*logit(reference, n) + b.Offset)))
}

func logit(p float64, n int) float64 {
	least := 0.5 / float64(max(n, 1))
	p = min(max(p, least), 1-least)
	return math.Log(p / (1 - p))
}

// Lines are the accuracies for people.
func (r *Robustness) Lines(string) []string {
	out := []string{
		fmt.Sprintf("%s: %6.2f %% of %d pictures", r.Reference, 100*r.Accuracy, r.N),
		fmt.Sprintf("%9s %9s %9s %9s %9s  shifted set", "accuracy", "reference", "gap", "retained", "effective"),
	}
	for _, s := range r.Shifts {
		effective := "-"
		if s.Effective != nil {
			effective = fmt.Sprintf("%+.2f", 100**s.Effective)
		}
		out = append(out, fmt.Sprintf("%7.2f %% %7.2f %% %9.2f %9s %9s  %s", 100*s.Accuracy, 100*s.Reference, 100*s.Gap,
			percent(s.Retained), effective, s.Data))
	}
	out = append(out, fmt.Sprintf("%7.2f %% %9s %9.2f %9s %9s  mean", 100*r.MeanShifted, "", 100*r.MeanDrop, percent(r.Retained), ""))
	for _, note := range r.Notes {
		out = append(out, "  note: "+note)
	}
	return out
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100**v)
}

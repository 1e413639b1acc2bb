package eval

import (
	"math"
	"strings"
	"testing"
)

// Models on a line of logits lie on the baseline; one above it has effective robustness.
func TestTheBaselineIsALineOfLogits(t *testing.T) {
	line := Baseline{Slope: 0.8, Offset: -1.2}
	var clean, shifted []float64
	for _, p := range []float64{0.3, 0.55, 0.7, 0.9} {
		clean, shifted = append(clean, p), append(shifted, line.Expected(p, 1000))
	}
	got, err := FitBaseline(clean, shifted, 1000)
	if err != nil || math.Abs(got.Slope-line.Slope) > 1e-12 || math.Abs(got.Offset-line.Offset) > 1e-12 {
		t.Errorf("%+v, %v", got, err)
	}
	if p := line.Expected(0.5, 1000); math.Abs(p-1/(1+math.Exp(1.2))) > 1e-12 {
		t.Errorf("%v", p)
	}
	if p := line.Expected(1, 10); !(p < 1) || math.IsNaN(p) {
		t.Errorf("of 1: %v", p)
	}
	for _, c := range [][2][]float64{{{0.5}, {0.4}}, {{0.5, 0.5}, {0.4, 0.3}}, {{}, {}}, {{1}, {}}} {
		if b, err := FitBaseline(c[0], c[1], 10); err == nil {
			t.Errorf("%v: %v", c, b)
		}
	}
}

// An accuracy of 0 on the reference has no ratio, and the mean has none then.
func TestARatioToZeroIsNotANumber(t *testing.T) {
	r := Robustness{Shifts: []Shift{NewShift("a", 5, 2, 0.5, 0.8), NewShift("b", 5, 2, 0.5, 0)}}
	r.Finish()
	if r.Retained != nil || r.Shifts[1].Retained != nil || *r.Shifts[0].Retained != 0.625 || r.MeanShifted != 0.5 {
		t.Errorf("%+v", r)
	}
	if text := strings.Join(r.Lines(""), "\n"); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Error(text)
	}
}

package run

import (
	"fmt"
	"math"

	"clipgo/eval"
	"clipgo/training"
	"clipgo/training/record"
)

// findings are the diagnosis of the steps and what the evaluations of the whole run show.
func (s *session) findings(d *training.Diagnosis) []record.Finding {
	out := d.Findings()
	if f, ok := s.standstill(d.Memorized()); ok {
		out = append(out, f)
	}
	return append(out, s.unusableSources()...)
}

// learned is a value of the last evaluation that is better than guessing by more than chance explains; empty if there is none.
func (s *session) learned() string {
	n := float64(s.val.Source.Len())
	for _, v := range s.val.lastEvaluation().Values {
		if v.Unit != eval.Fraction || v.Chance <= 0 || n == 0 {
			continue
		}
		const deviations = 3
		if v.Value > v.Chance+deviations*math.Sqrt(v.Chance*(1-v.Chance)/n) {
			return fmt.Sprintf("%s is %.1f %%, where guessing gives %.1f %%", v.Name, 100*v.Value, 100*v.Chance)
		}
	}
	return ""
}

// standstill is a finding on data of its own: the first fraction that was measured twice or more since its highest value.
func (s *session) standstill(memorized bool) (f record.Finding, found bool) {
	const since = 2 // evaluations without a rise
	if !s.val.own || s.Align.on() || len(s.val.history) <= since {
		return f, false
	}
	for _, last := range s.val.lastEvaluation().Values {
		if last.Unit != eval.Fraction || last.Chance <= 0 {
			continue
		}
		best, at, later := math.Inf(-1), 0, 0
		for _, e := range s.val.history {
			v, ok := eval.Find(e.Values, last.Name)
			switch {
			case !ok:
			case v.Value > best:
				best, at, later = v.Value, e.Step, 0
			default:
				later++
			}
		}
		if later < since {
			continue
		}
		f = record.Finding{Kind: record.Note, Text: fmt.Sprintf("%s has not risen since step %d: it was %.1f %% then and is %.1f %% now",
			last.Name, at, 100*best, 100*last.Value)}
		if memorized {
			f.Kind, f.Text = record.Warning, "overfitting: "+f.Text
		}
		return f, true
	}
	return f, false
}

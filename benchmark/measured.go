package benchmark

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/durable"
)

// resultHead is CLIP_benchmark's result but for the model and its weights, which are named once for all results.
type resultHead struct {
	Dataset  string          `json:"dataset"`
	Task     string          `json:"task"`
	Metrics  json.RawMessage `json:"metrics"` // in their order
	Language string          `json:"language"`
}

// resultDetails are the parts of the details that a single task prints.
type resultDetails struct {
	Samples  int                `json:"samples"`
	Skipped  int                `json:"skipped"`
	Chance   *float64           `json:"chance"`
	Notes    []string           `json:"notes"`
	PerClass []eval.ClassResult `json:"per_class,omitempty"`
	Confused []Confusion        `json:"confused,omitempty"`
	Errors   []Mistake          `json:"errors,omitempty"`
	Details  map[string]any     `json:"details,omitempty"`
}

// MarshalJSON writes CLIP_benchmark's keys, the metrics by their names once more, and the details. A number that isn't defined is null.
func (m *Measured) MarshalJSON() ([]byte, error) {
	result, err := m.Result.JSON(true)
	if err != nil {
		return nil, err
	}
	var head resultHead
	if err := json.Unmarshal(result, &head); err != nil {
		return nil, err
	}
	own := any(struct{}{})
	switch {
	case m.scores != nil:
		own = m.scores
	case m.recalls != nil:
		own = m.recalls // with the metrics
	}
	d := m.Details
	return members(head, m.flat(), own, resultDetails{
		d.Samples, d.Skipped, d.Chance, append([]string{}, d.Notes...), d.PerClass, d.Confused, d.Mistakes, d.More,
	})
}

// flat are the metrics by their names, null where they aren't defined; those of retrieval are elsewhere.
func (m *Measured) flat() map[string]any {
	flat := map[string]any{}
	if m.recalls != nil {
		return flat
	}
	for _, metric := range m.Result.Metrics {
		flat[metric.Key] = metric.Value
		if v, ok := metric.Value.(float64); ok && math.IsNaN(v) {
			flat[metric.Key] = nil
		}
	}
	return flat
}

// members is one JSON object with the members of several.
func members(objects ...any) ([]byte, error) {
	var all [][]byte
	for _, o := range objects {
		part, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		if len(part) > len("{}") {
			all = append(all, part[1:len(part)-1])
		}
	}
	return slices.Concat([]byte("{"), bytes.Join(all, []byte(",")), []byte("}")), nil
}

// MarshalJSON is the one result, or several with their totals.
func (t *Together) MarshalJSON() ([]byte, error) {
	if len(t.All) == 1 {
		return t.All[0].MarshalJSON()
	}
	return json.Marshal(struct {
		Task    string           `json:"task"`
		Totals  map[string]Total `json:"totals"`
		Results []*Measured      `json:"results"`
	}{t.All[0].Result.Task, t.Totals(), t.All})
}

// Lines are the results one below the other, and the totals of several.
func (t *Together) Lines(data string) (out []string) {
	for _, one := range t.All {
		if len(t.All) > 1 {
			data = one.Result.Dataset
		}
		out = append(out, one.Lines(data)...)
	}
	if len(t.All) < 2 {
		return out
	}
	out = append(out, fmt.Sprintf("all %d: mean of the sets, and of all samples", len(t.All)))
	totals := t.Totals()
	for _, key := range slices.Sorted(maps.Keys(totals)) {
		out = append(out, fmt.Sprintf("  %-24s %6.2f %% %6.2f %%", key, 100*totals[key].Macro, 100*totals[key].Micro))
	}
	return out
}

// WriteFile writes CLIP_benchmark's JSON, completely or not at all: an object, or a list of them for several data sets.
func (t *Together) WriteFile(path string) error {
	var data []byte
	for i, one := range t.All {
		text, err := one.Result.JSON(false)
		if err != nil {
			return err
		}
		if i > 0 {
			data = append(data, ", "...)
		}
		data = append(data, text...)
	}
	if len(t.All) > 1 {
		data = append(append([]byte("["), data...), ']')
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// plain are metrics that are no fractions.
var plain = map[string]bool{
	"weight_decay": true, "C": true, "temperature": true, "scale_learned": true, "nll": true, "nll_learned": true, "nll_fitted": true,
	"brier": true, "brier_learned": true, "brier_fitted": true, "CIDEr": true,
}

// Lines are the result for people.
func (m *Measured) Lines(data string) (out []string) {
	put := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case m.recalls != nil:
		out = m.recalls.Lines(data)
	case m.scores != nil:
		out = m.scores.Lines(data) // with what is not computed
	default:
		put("%s: %s, %d samples", data, m.Result.Task, m.Details.Samples)
		for _, metric := range m.Result.Metrics {
			put("  %-24s %s", metric.Key, valueText(metric))
		}
		if chance := m.Details.Chance; chance != nil {
			put("  %-24s %6.2f %%", "chance of "+mainOf(m.Result), 100**chance)
		}
	}
	if m.Details.Skipped > 0 {
		put("  %-24s %6d samples that can't be used", "skipped", m.Details.Skipped)
	}
	for _, note := range m.Details.Notes {
		if m.scores == nil {
			put("  note: %s", note)
		}
	}
	out = append(out, m.reportLines()...)
	out = append(out, eval.ClassLines(m.Details.PerClass)...)
	return append(out, mistakeLines(m.Details.Mistakes)...)
}

func valueText(m clipbenchmark.Metric) string {
	switch v, ok := m.Value.(float64); {
	case !ok:
		return fmt.Sprintf("%6v", m.Value)
	case math.IsNaN(v):
		return "     -"
	case plain[m.Key]:
		return fmt.Sprintf("%8.4g", v)
	default:
		return fmt.Sprintf("%6.2f %%", 100*v)
	}
}

// reportLines are the parts of the details that have lines for people.
func (m *Measured) reportLines() (out []string) {
	switch c := m.Details.More["calibration"].(type) {
	case eval.Reliability:
		out = append(out, c.Lines()[0])
	case *Calibrated:
		out = append(out, c.Lines()...)
	}
	if groups, ok := m.Details.More["groups"].(GroupResults); ok {
		out = append(out, groups.Lines()...)
	}
	if kinds, ok := m.Details.More["kinds"].(KindResults); ok {
		out = append(out, kinds.Lines()...)
	}
	if len(m.Details.Confused) > 0 && m.Result.Task == ZeroShot {
		out = append(out, "classes most often confused:")
		for _, c := range m.Details.Confused[:min(len(m.Details.Confused), confusionLines)] {
			out = append(out, fmt.Sprintf("  %6d times %s, taken for %s", c.N, c.Label, c.Predicted))
		}
	}
	return out
}

// confusionLines is the number of pairs of classes in Lines.
const confusionLines = 10

// mistakeLines are the mistakes, the most confident ones first.
func mistakeLines(mistakes []Mistake) (out []string) {
	if len(mistakes) > 0 {
		out = append(out, "the most confident errors:")
	}
	for _, w := range mistakes {
		if w.Answer != nil { // of a caption, which found the picture of another
			out = append(out, fmt.Sprintf("  %.4f     %s: found %s, the right one is %s", w.Confidence, w.Label, w.Sample, w.Answer.Sample))
			continue
		}
		out = append(out, fmt.Sprintf("  %6.2f %%  %s: %s, taken for %s", 100*w.Confidence, w.Sample, w.Label, w.Predicted))
	}
	return out
}

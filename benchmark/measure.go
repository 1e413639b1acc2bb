package benchmark

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"clipgo/datasets"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/pretrained"
)

// Measured is the result of one task of one model on one data set.
type Measured struct {
	Result  *clipbenchmark.Result
	Details *Details
	*outcome
}

// Measure runs a task on an open model and writes nothing. Details have no fingerprint.
func (s *Suite) Measure(ctx context.Context, m *pretrained.Embedder, d *Data, task string) (*Measured, error) {
	if _, ok := tasks[task]; !ok {
		return nil, fault.Usagef("there is no task %s; tasks are %s", task, TaskNames())
	}
	c := Cell{Model: m.Source.Name, Pretrained: "x", Data: d.Name, Task: task}
	if m.Settings.Pretrained != "" {
		c.Pretrained = m.Settings.Pretrained
	}
	return s.measure(ctx, c, newFeatures(m, d, tasks[task].need))
}

// measure runs the task of a cell.
func (s *Suite) measure(ctx context.Context, c Cell, f *features) (*Measured, error) {
	if f.data.choice != "" && c.Task != Selection {
		return nil, fault.Dataf("%s: its captions are right and wrong ones to choose from: the task is %s", f.data.Place, Selection)
	}
	if err := f.data.trains(c.Task); err != nil {
		return nil, err
	}
	precision, err := f.model.Settings.Arithmetic()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	f.begin(s, c)
	o, err := tasks[c.Task].run(ctx, s, f)
	if err != nil {
		return nil, err
	}
	r := &clipbenchmark.Result{Dataset: c.Data, Model: c.Model, Pretrained: c.Pretrained, Task: c.Task, Metrics: o.metrics,
		Language: cmp.Or(c.Language, "en")}
	s.Prompts.dump(r, o)
	details := &Details{
		Cell: c, Parameters: f.model.ParameterCount(), Samples: len(o.hits), Skipped: o.skipped(f),
		Seconds: time.Since(begun).Seconds(), Hits: o.hits, PerClass: o.perClass, Mistakes: o.wrong, Confused: o.confused, More: o.more,
		Precision: precision, Chance: o.chance, Notes: append(f.notes, notesOn(o)...),
		Place: datasets.Public(f.data.splits[TestSplit]),
	}
	details.Share = f.share(c.Task, o)
	if o.n > 0 {
		details.Samples = o.n
	}
	return &Measured{r, details, o}, nil
}

// share is the largest share of samples that were passed over, among the splits of a task.
func (f *features) share(task string, o *outcome) float64 {
	share := o.share
	for _, split := range f.data.splitsOf(task) {
		if all := f.length[split]; all > 0 {
			share = max(share, float64(f.skipped[split])/float64(all))
		}
	}
	return share
}

// notesOn says why numbers are missing: a table may not have them without a reason.
func notesOn(o *outcome) (notes []string) {
	for _, m := range o.metrics {
		v, ok := m.Value.(float64)
		if !ok || !math.IsNaN(v) {
			continue
		}
		switch m.Key {
		case "METEOR", "SPICE": // the task says why
		case "acc5":
			notes = append(notes, fmt.Sprintf("acc5 is not defined: there are %d classes, fewer than 5", len(o.classes)))
		case "lp_acc5":
			notes = append(notes, "lp_acc5 is not defined: CLIP_benchmark has it from 6 classes on")
		default:
			notes = append(notes, m.Key+" is not defined on this data")
		}
	}
	return append(notes, o.notes...)
}

// Together are the results of a task on several data sets, such as the kinds of SugarCrepe.
type Together struct{ All []*Measured }

// MeasureAll is Measure for data sets one after the other.
func (s *Suite) MeasureAll(ctx context.Context, m *pretrained.Embedder, sets []*Data, task string) (*Together, error) {
	out := &Together{}
	for _, d := range sets {
		one, err := s.Measure(ctx, m, d, task)
		if err != nil {
			return nil, err
		}
		out.All = append(out.All, one)
	}
	return out, nil
}

// Demand is an error of kind fault.Data unless all results have a metric. Of multi-label sets CLIP_benchmark's zero-shot classification has
// another metric than of sets with one class a picture.
func (t *Together) Demand(metric string) error {
	for _, one := range t.All {
		if _, ok := one.Result.Value(metric); !ok && metric != "" {
			return fault.Dataf("%s: its pictures have one class each, not several: eval zeroshot measures it", one.Result.Dataset)
		}
	}
	return nil
}

// Total is the mean of a metric over the data sets (macro), and over all samples (micro).
type Total struct {
	Macro float64 `json:"macro"`
	Micro float64 `json:"micro"`
}

// Totals are those of all metrics that every data set has as a number. Only accuracies of selection have a meaning over samples.
func (t *Together) Totals() map[string]Total {
	out := map[string]Total{}
	samples := 0
	for _, one := range t.All {
		samples += one.Details.Samples
	}
	for _, metric := range t.All[0].Result.Metrics {
		var total Total
		for _, one := range t.All {
			v, _ := one.Result.Value(metric.Key)
			f, ok := v.(float64)
			if !ok {
				f = math.NaN()
			}
			total.Macro += f / float64(len(t.All))
			total.Micro += f * float64(one.Details.Samples) / float64(samples)
		}
		if !math.IsNaN(total.Macro) {
			out[metric.Key] = total
		}
	}
	return out
}

// HideClasses leaves the results of the classes out of Lines.
func (t *Together) HideClasses() {
	for _, one := range t.All {
		one.Details.PerClass = nil
	}
}

package benchmark

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/probe"
)

// passes counts the passes over a test split.
type passes struct{ begun int }

func (p *passes) Begin()                                                   { p.begun++ }
func (p *passes) View(context.Context, *datasets.Batch) ([]float64, error) { return nil, nil }
func (p *passes) Take([]float64)                                           {}

// meterOf is a meter of one of the data sets of CLIP_benchmark's fixtures with a new model.
func meterOf(t *testing.T, name string) *Meter {
	t.Helper()
	torchtest.Need(t)
	config, err := model.NamedConfig("ViT-Nano-16-64")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(t.Context(), config, 1, model.On())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	d, err := Open(filepath.Join(golden.Dir(t, "benchmark"), "data", name), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settings := pretrained.DefaultSettings()
	settings.Preprocess.Size = config.Vision.ImageSize
	return &Meter{Model: pretrained.NewEmbedder(m, pretrained.Source{Config: config}, nil, settings), Data: d, Recalls: []int{1, 5},
		Probe: probe.Protocol{Logistic: true, Normalize: true}}
}

// The tasks of a data set share its features until Reset, and every value is described before it is measured.
func TestAMeterEmbedsOnce(t *testing.T) {
	for _, c := range []struct {
		data  string
		tasks []string
	}{{"wds_digits", []string{ZeroShot, Neighbours, LinearProbe}}, {"wds_scenes_captions", []string{Retrieval}}} {
		m := meterOf(t, c.data)
		seen := &passes{}
		if c.tasks[0] == Retrieval {
			m.Viewers = []pretrained.Viewer{seen}
		}
		var all []*TaskEvaluator
		for _, task := range c.tasks {
			if err := m.Check(t.Context(), task); err != nil {
				t.Fatal(err)
			}
			all = append(all, m.Evaluator(task, "x"))
		}
		first, err := eval.All(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		features := m.shared.views
		again, err := eval.All(t.Context(), all)
		if err != nil || !slices.Equal(first, again) || len(features) != 1 {
			t.Errorf("%v, %v, %d kinds of features", again, err, len(features))
		}
		if c.tasks[0] == Retrieval {
			if f, err := m.Features(t.Context()); err != nil || len(f.Captions) == 0 || seen.begun != 1 {
				t.Errorf("%d passes, %v", seen.begun, err)
			}
		}
		describedAll(t, all, first)
		m.Reset()
		if _, err := eval.All(t.Context(), all); err != nil || c.tasks[0] == Retrieval && seen.begun != 2 {
			t.Errorf("after Reset %d passes, %v", seen.begun, err)
		}
	}
}

// Tasks with labels and tasks with captions share a pass over the same samples, with the values of passes of their own.
func TestLabelsAndCaptionsShareAPass(t *testing.T) {
	alone := meterOf(t, "wds_digits")
	evaluate := func(m *Meter, tasks ...string) (out []eval.Value) {
		t.Helper()
		for _, task := range tasks {
			if err := m.Check(t.Context(), task); err != nil {
				t.Fatal(err)
			}
			values, err := m.Evaluator(task, "x").Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, values...)
		}
		return out
	}
	want := evaluate(alone, ZeroShot)
	alone.Reset()
	want = append(want, evaluate(alone, Retrieval)...)
	for name, viewers := range map[string][]pretrained.Viewer{"none": nil, "a viewer": {&passes{}}} {
		m := &Meter{Model: alone.Model, Data: alone.Data, Recalls: alone.Recalls, Viewers: viewers}
		if got := evaluate(m, ZeroShot, Retrieval); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
		labels, captions := m.of(datasets.NeedLabels).splits[TestSplit], m.of(datasets.NeedCaptions).splits[TestSplit]
		if len(viewers) > 0 && viewers[0].(*passes).begun != 1 {
			t.Errorf("%s: the pictures are embedded twice", name)
		}
		if len(labels.Captions) > 0 || len(captions.Captions) == 0 {
			t.Errorf("%s: %d and %d captions", name, len(labels.Captions), len(captions.Captions))
		}
	}
}

// describedAll checks that values are those of their descriptions.
func describedAll(t *testing.T, all []*TaskEvaluator, values []eval.Value) {
	t.Helper()
	var names []string
	for _, e := range all {
		for _, v := range e.Describe().Values {
			names = append(names, v.Name)
			if got, ok := eval.Find(values, v.Name); !ok || got.Group != v.Group || !(got.Chance > 0) || got.Value < 0 || got.Value > 1 {
				t.Errorf("%s: %+v, %t", v.Name, got, ok)
			}
		}
	}
	if len(names) != len(values) || !strings.HasPrefix(names[0], "x/") {
		t.Errorf("described %v, measured %v", names, values)
	}
}

// Data without what a task needs is refused when it is checked.
func TestAMeterRefusesWhatATaskCantUse(t *testing.T) {
	for _, c := range []struct{ data, task string }{
		{"wds_textile", LinearProbe}, {"wds_scenes_captions", ZeroShot},
	} {
		m := meterOf(t, c.data)
		if err := m.Check(t.Context(), c.task); fault.Of(err) != fault.Data || !strings.Contains(err.Error(), c.data) {
			t.Errorf("%s of %s: %v", c.task, c.data, err)
		}
	}
	if name, ok := Task("linear-probe"); !ok || name != LinearProbe {
		t.Error(name)
	}
	if name, ok := Task("swim"); ok {
		t.Error(name)
	}
}

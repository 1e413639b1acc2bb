package run

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/training/record"
)

// measured is a session whose evaluations had these values of a fraction with a chance of 0.1, every 10 steps from the given one.
func measured(t *testing.T, name string, from int, values ...float64) *session {
	t.Helper()
	o := Default()
	s := &session{Options: &o, console: Console{}.filled(), val: &validation{Pass: &pretrained.Pass{}, own: true}}
	src, err := s.openOther(t.Context(), "builtin:shapes?n=400")
	if err != nil {
		t.Fatal(err)
	}
	s.val.Source = src
	t.Cleanup(func() { _ = src.Close() })
	for i, v := range values {
		s.val.history = append(s.val.history, report.Evaluation{Step: from + 10*i,
			Values: []eval.Value{{Name: "perplexity", Value: 9, Unit: eval.Perplexity}, {Name: name, Value: v, Chance: 0.1}}})
	}
	return s
}

func TestAStandstillSaysSinceWhichStep(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		want   string // empty: no finding
	}{
		{"rising", []float64{0.1, 0.2, 0.3, 0.4}, ""},
		{"one evaluation later", []float64{0.1, 0.4, 0.3}, ""},
		{"two later", []float64{0.1, 0.4, 0.3, 0.4}, "recall has not risen since step 20: it was 40.0 % then and is 40.0 % now"},
		{"flat", []float64{0.2, 0.2, 0.2, 0.2}, "since step 10"},
		{"too few", []float64{0.2, 0.2}, ""},
	} {
		s := measured(t, "recall", 10, c.values...)
		f, found := s.standstill(false)
		if found != (c.want != "") || !strings.Contains(f.Text, c.want) || found && f.Kind != record.Note {
			t.Errorf("%s: %+v", c.name, f)
		}
		if f, found := s.standstill(true); found && (f.Kind != record.Warning || !strings.HasPrefix(f.Text, "overfitting: ")) {
			t.Errorf("%s, memorized: %+v", c.name, f)
		}
		s.val.own = false // what is trained on is evaluated
		if f, found := s.standstill(true); found {
			t.Errorf("%s, on training data: %+v", c.name, f)
		}
	}
}

// TestLearnedIsMoreThanChance has accuracies of 400 samples: 0.1 of chance deviate by 0.015.
func TestLearnedIsMoreThanChance(t *testing.T) {
	for value, want := range map[float64]bool{0.1: false, 0.13: false, 0.16: true, 0.66: true} {
		if got := measured(t, "zeroshot_top1", 10, value).learned(); (got != "") != want {
			t.Errorf("%g: %q", value, got)
		}
	}
	if got := measured(t, "zeroshot_top1", 10).learned(); got != "" {
		t.Errorf("without an evaluation: %q", got)
	}
}

func TestAGamedRewardIsSaid(t *testing.T) {
	for now, want := range map[float64]bool{0.15: true, 0.19: false, 0.2: false, 0.3: false} {
		s := measured(t, alignment.CaptionRetrievalName, 0, 0.2, now)
		s.val.captions = &alignment.PPOEvaluator{}
		s.val.captions.Last.N = 100
		var all []string
		for _, f := range s.ppoFindings() {
			all = append(all, f.Text)
		}
		if text := strings.Join(all, "\n"); strings.Contains(text, "fell from 20.0 %") != want {
			t.Errorf("%g: %s", now, text)
		}
	}
}

// A report on class folders has the anatomy of the network, as eval anatomy gives it, without a warning. An evaluation that measures
// nothing there is none.
func TestClassFoldersHaveAnAnatomy(t *testing.T) {
	dir := classFolders(t)
	s, said := opened(t.Context(), t, "val_data="+dir, "zeroshot_frequency=6", "val_frequency=3")
	if _, err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	captioned, err := datasets.Open(t.Context(), dir, datasets.Options{Need: datasets.NeedCaptions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = captioned.Close() })
	p := &pretrained.Pass{Source: captioned, Embedder: s.val.Embedder}
	want, err := p.Anatomy(t.Context(), reportCandidates, reportSample)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.val.anatomy; got == nil || got.Step != 6 || !reflect.DeepEqual(got.Anatomy, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(s.val.history) != 1 || strings.Contains(said.String(), "no anatomy") {
		t.Errorf("%d evaluations\n%s", len(s.val.history), said)
	}
}

// Samples that can't be used have others in their place: a run has all of its steps, and its last batch is full.
func TestUnusableSamplesCostNoStep(t *testing.T) {
	dir := classFolders(t)
	for _, name := range []string{"cat/0.png", "dog/1.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := opened(t.Context(), t, "train_data="+dir, "max_skip=1", "val_frequency=0")
	r, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := "6 steps of 6, 48 samples used, 6 skipped (6 replaced by others), loss "; !strings.HasPrefix(r.Text[0], want) {
		t.Errorf("%q, want %q", r.Text[0], want)
	}
}

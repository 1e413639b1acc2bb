package benchmark

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"clipgo/pretrained"
)

// A cell isn't done before if the run allows fewer samples to be passed over, other sizes of pictures or other arithmetic, or if the file
// of the classifier is gone.
func TestWhatARunAsksForIsDoneAgain(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	s.Tasks, s.Data = []string{ZeroShot}, s.Data[:1]
	s.Prompts.SaveClassifier = filepath.Join(t.TempDir(), "c.npy")
	kept := func() bool {
		t.Helper()
		done := false
		s.Report = func(e Event) { done = e.Kept }
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		return done
	}
	if kept() || !kept() {
		t.Fatal("the first run is kept, or the second isn't")
	}
	if err := os.Remove(s.Prompts.SaveClassifier); err != nil {
		t.Fatal(err)
	}
	if kept() {
		t.Error("the classifier is missing")
	}
	if _, err := os.Stat(s.Prompts.SaveClassifier); err != nil {
		t.Error(err)
	}
	s.Settings.MaxSkip = 0.5
	s.Settings.Memory = 100
	if !kept() {
		t.Error("nothing that is allowed differs")
	}
	for name, change := range map[string]func(){
		"pixels": func() { s.Settings.Limits.Pixels-- }, "TF32": func() { s.Settings.TF32 = true }, "errors": func() { s.Errors = 3 },
	} {
		if change(); kept() || !kept() {
			t.Errorf("%s: done before, or not kept", name)
		}
	}
}

// What auto computes in is part of a cell, not the word: results of machines with other arithmetic differ, and another name for the same
// arithmetic keeps them.
func TestACellHasThePrecisionThatItWasComputedIn(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	s.Tasks, s.Data = []string{ZeroShot}, s.Data[:1]
	s.Settings.Precision = "auto"
	at, err := s.Settings.Placement()
	if err != nil {
		t.Fatal(err)
	}
	own, other := pretrained.PrecisionName(at.DType), "bf16"
	if own == other {
		other = "fp32"
	}
	for i, c := range []struct {
		precision string
		kept      bool
	}{{"auto", false}, {own, true}, {other, false}, {"auto", false}} {
		done := false
		s.Settings.Precision, s.Report = c.precision, func(e Event) { done = e.Kept }
		if err := s.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		entries, err := Collect(s.Out)
		if err != nil || done != c.kept || entries[0].Details.Precision == "auto" {
			t.Errorf("run %d, %s: kept %v, precision %s, %v", i+1, c.precision, done, entries[0].Details.Precision, err)
		}
	}
}

// The share of samples that were passed over is held against what the run allows.
func TestTheShareOfAKeptCellIsBounded(t *testing.T) {
	s := &Suite{}
	for _, c := range []struct {
		max     float64
		details Details
		want    bool
	}{
		{0, Details{Samples: 10}, true}, {0.1, Details{Samples: 9, Skipped: 1, Share: 0.1}, true},
		{0.09, Details{Samples: 9, Skipped: 1, Share: 0.1}, false},
		{0.01, Details{Samples: 10, Share: 0.02}, false},         // of the training split
		{0.01, Details{Samples: 9, Skipped: 1}, false},           // written without a share
		{0.3, Details{Samples: 4, Skipped: 4, Share: 0.3}, true}, // several captions a picture
	} {
		s.Settings.MaxSkip = c.max
		if got := s.serves(Cell{Task: Retrieval}, &c.details); got != c.want {
			t.Errorf("%v, %+v: %v", c.max, c.details, got)
		}
	}
	d := &Data{splits: map[string]string{TestSplit: "a", TrainSplit: "b", ValSplit: "c"}}
	f := &features{data: d, length: map[string]int{TestSplit: 10, TrainSplit: 10}, skipped: map[string]int{TestSplit: 1, TrainSplit: 5}}
	if a, b := f.share(ZeroShot, &outcome{}), f.share(Neighbours, &outcome{}); a != 0.1 || b != 0.5 {
		t.Errorf("%v, %v", a, b)
	}
}

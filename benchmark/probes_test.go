package benchmark

import (
	"context"
	"slices"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
	"clipgo/probe"
)

// A study's result has the mean and spread of each number of samples, its details every run with the samples that it drew, and the table a
// line for each number.
func TestAStudyIsKeptWhole(t *testing.T) {
	s := smallSuite(t, t.TempDir())
	s.Data, s.Tasks = s.Data[:1], []string{LinearProbe, Neighbours}
	s.Probe, s.Shots, s.Seeds = probe.Protocol{Logistic: true, C: 0.316}, []int{1, 1000, 2}, []uint64{4, 5}
	s.KNN = probe.KNN{K: []int{3, 10000}, Temperature: 0.1}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	entries, err := Collect(s.Out)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d results, %v", len(entries), err)
	}
	near, lp := entries[0], entries[1]
	for key, want := range map[string]any{
		"lp_acc1_k1": nil, "lp_acc1_std_k2": nil, "nearest_mean_acc1_k1": nil, "seeds": 2, "fewshot_k": 2,
	} {
		if got, ok := lp.Result.Value(key); !ok || want != nil && got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if _, ok := lp.Result.Value("lp_acc1_k1000"); ok {
		t.Error("a number that a class has too few samples for has a result")
	}
	if notes := strings.Join(lp.Details.Notes, "; "); !strings.Contains(notes, "reading the shards") {
		t.Errorf("notes %q", notes)
	}
	runs := lp.Details.More["probe"].([]any)
	last := runs[len(runs)-1].(map[string]any)["runs"].([]any)
	rows := last[1].(map[string]any)["rows"].([]any)
	if len(runs) != 2 || len(last) != 2 || len(rows) == 0 || len(rows)%2 != 0 {
		t.Errorf("%d numbers, %d runs, %d rows", len(runs), len(last), len(rows))
	}
	text := strings.Join(Lines(entries, s.Out), "\n")
	for _, want := range []string{
		"  1 per class", "  2 per class", "(seeds: 2)   nearest class mean", "1000 samples per class: left out, class 0 has",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var keys []string
	for _, m := range near.Result.Metrics {
		keys = append(keys, m.Key)
	}
	if want := "knn_acc1 knn_acc5 k temperature knn_acc1_k3 knn_acc5_k3 knn_acc1_k10000 knn_acc5_k10000"; strings.Join(keys, " ") != want {
		t.Errorf("keys %q", keys)
	}
	if got := slices.ContainsFunc(near.Result.Metrics, func(m clipbenchmark.Metric) bool { return m.Key == "k" && m.Value == 3 }); !got {
		t.Errorf("%+v", near.Result.Metrics)
	}
}

func TestNumbersOfProbesAreChecked(t *testing.T) {
	for _, change := range []func(*Suite){
		func(s *Suite) { s.Shots = []int{0} },
		func(s *Suite) { s.Shots = []int{2, 2} },
		func(s *Suite) { s.Seeds = []uint64{1, 1} },
		func(s *Suite) { s.KNN = probe.KNN{K: []int{5, 0}} },
	} {
		s := smallSuite(t, t.TempDir())
		change(s)
		if err := s.Run(context.Background()); err == nil || fault.Of(err) != fault.Usage {
			t.Errorf("%v", err)
		}
	}
}

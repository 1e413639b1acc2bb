package benchmark

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
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
	runs := lp.Details.More["probe"].([]any)
	last := runs[len(runs)-1].(map[string]any)["runs"].([]any)
	rows := last[1].(map[string]any)["rows"].([]any)
	if len(runs) != 2 || len(last) != 2 || len(rows) == 0 || len(rows)%2 != 0 {
		t.Errorf("%d numbers, %d runs, %d rows", len(runs), len(last), len(rows))
	}
	text := strings.Join((&Outcome{Out: s.Out, Entries: entries}).Lines(), "\n")
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

// Shards without names have those of the set that their folder is called by, and the result says so.
func TestNamesThatAreBuiltInAreNoted(t *testing.T) {
	s, root := smallSuite(t, t.TempDir()), filepath.Join(t.TempDir(), "wds_svhn")
	if err := os.CopyFS(filepath.Join(root, "test"), os.DirFS(s.Data[0].splits[TestSplit])); err != nil {
		t.Fatal(err)
	}
	d, err := Open(root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Data, s.Tasks = []*Data{d}, []string{ZeroShot}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	entries, err := Collect(s.Out)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d results, %v", len(entries), err)
	}
	details := entries[0].Details
	notes := strings.Join(details.Notes, "; ")
	if !strings.Contains(notes, "built-in names of svhn") || details.PerClass[3].Class != "three" {
		t.Errorf("notes %q, classes %+v", notes, details.PerClass)
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

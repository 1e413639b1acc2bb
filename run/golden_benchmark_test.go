package run

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/benchmark"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// TestGoldenBenchmarkWhileTraining measures the fixtures' model at the end of a step that does not move it. The values are those of
// CLIP_benchmark.
func TestGoldenBenchmarkWhileTraining(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	var evals []string
	want := map[string]*clipbenchmark.Result{}
	data := ""
	for _, r := range golden.Lines[struct {
		ID, Result string
		Argv       []string
	}](t, filepath.Join(dir, "runs.jsonl")) {
		at := slices.Index(r.Argv, "--dataset")
		if at < 0 || !plainRun(r.Argv) || strings.Contains(r.ID, "odd") || strings.Contains(r.ID, "multilabel") {
			continue
		}
		result, err := clipbenchmark.ReadFile(filepath.Join(dir, r.Result))
		if err != nil {
			t.Fatal(err)
		}
		name := strings.ReplaceAll(strings.TrimPrefix(r.Argv[at+1], "wds/"), "/", "-")
		place := filepath.Join(dir, "data", "wds_"+name)
		text := result.Task + "=" + name + "=" + place
		if slices.Contains(evals, text) {
			continue
		}
		evals, want[text] = append(evals, text), result
		if result.Task == benchmark.Retrieval {
			data = filepath.Join(place, benchmark.TestSplit)
		}
	}
	if data == "" || len(want) < 3 {
		t.Fatalf("the fixtures have %d results, and %q to train on", len(want), data)
	}
	list, err := json.Marshal(evals)
	if err != nil {
		t.Fatal(err)
	}
	r := trainTiny(t, filepath.Join(t.TempDir(), "run"), "train_data="+data, "model="+filepath.Join(dir, "model"), "steps=1", "optim.lr=0",
		"eval="+string(list))
	for text, result := range want {
		name := strings.Split(text, "=")[1]
		for _, m := range result.Metrics {
			value, ok := m.Value.(float64)
			if !ok || math.IsNaN(value) {
				continue
			}
			if got, ok := r.Values[name+"/"+m.Key].(float64); !ok || !(math.Abs(got-value) <= 1e-6) {
				t.Errorf("%s/%s is %v, CLIP_benchmark has %v", name, m.Key, r.Values[name+"/"+m.Key], value)
			}
		}
	}
}

// plainRun tells a classification or a retrieval of a test split without settings of its own.
func plainRun(argv []string) bool {
	var task string
	for i, arg := range argv {
		if !strings.HasPrefix(arg, "--") {
			continue
		}
		switch arg {
		case "--task":
			task = argv[i+1]
		case "--dataset", "--dataset_root", "--model", "--pretrained", "--no_amp", "--num_workers", "--output", "--recall_k":
		default:
			return false
		}
	}
	return slices.Contains(argv, "--no_amp") && slices.Contains(argv, "--recall_k") == (task == benchmark.Retrieval) &&
		(task == benchmark.Retrieval || task == benchmark.ZeroShot)
}

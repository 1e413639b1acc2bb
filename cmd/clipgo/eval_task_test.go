package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// plainRun is a run of CLIP_benchmark without other settings than its data and task.
type plainRun struct {
	Argv   []string
	Result string
}

// command is the command that measures the run's task, and its data; empty for a run that a single command can't express.
func (r plainRun) command(dir string, metrics []clipbenchmark.Metric) (command, data string) {
	known := strings.Fields("--dataset --dataset_root --model --pretrained --task --no_amp --num_workers --output --recall_k")
	values := map[string]string{}
	for i, arg := range r.Argv {
		if strings.HasPrefix(arg, "--") && !slices.Contains(known, arg) {
			return "", ""
		}
		if strings.HasPrefix(arg, "--") && i+1 < len(r.Argv) {
			values[arg] = r.Argv[i+1]
		}
	}
	set := values["--dataset"]
	if strings.Contains(set, "odd") || !slices.Contains(r.Argv, "--no_amp") || values["--recall_k"] != "" && values["--recall_k"] != "1" {
		return "", ""
	}
	data = filepath.Join(dir, "data", "wds_"+strings.ReplaceAll(strings.TrimPrefix(set, "wds/"), "/", "-"))
	if !strings.HasPrefix(set, "wds/") {
		data = filepath.Join(dir, "data", set)
	}
	commands := map[string]string{"acc1": "zeroshot", "image_acc": "choice", "image_retrieval_recall@1": "retrieval",
		"mean_average_precision": "multilabel"}
	if _, err := os.Stat(data); err != nil || len(metrics) == 0 {
		return "", ""
	}
	return commands[metrics[0].Key], data
}

// The commands of single tasks print and write what CLIP_benchmark has in its file, key by key.
func TestGoldenBenchmarkSingleCommands(t *testing.T) {
	dir, done := golden.Dir(t, "benchmark"), map[string]int{}
	for _, r := range golden.Lines[plainRun](t, filepath.Join(dir, "runs.jsonl")) {
		want, err := clipbenchmark.ReadFile(filepath.Join(dir, r.Result))
		if err != nil {
			continue // several results, or a table
		}
		command, data := r.command(dir, want.Metrics)
		if command == "" || done[command] == 2 {
			continue
		}
		done[command]++
		commandPrints(t, dir, command, data, want)
	}
	if len(done) < 3 {
		t.Errorf("compared %v", done)
	}
}

func commandPrints(t *testing.T, dir, command, data string, want *clipbenchmark.Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "result.json")
	r := must(t, "eval", command, "--model", filepath.Join(dir, "model"), "--precision", "fp32", "--json", "--out", out, data)
	got, err := clipbenchmark.ReadFile(out)
	if err != nil || got.Task != want.Task || len(got.Metrics) != len(want.Metrics) {
		t.Fatalf("%+v, %v, want %+v", got, err, want)
	}
	var printed map[string]any
	if err := json.Unmarshal([]byte(r.out), &printed); err != nil {
		t.Fatal(err)
	}
	if twice := repeatedKeys(t, r.out); twice != nil {
		t.Errorf("%s: twice: %v", command, twice)
	}
	again, _ := printed["metrics"].(map[string]any)
	for i, m := range want.Metrics {
		a, b := got.Metrics[i].Value.(float64), m.Value.(float64)
		if got.Metrics[i].Key != m.Key || !(math.Abs(a-b) <= 1e-6 || math.IsNaN(a) && math.IsNaN(b)) {
			t.Errorf("%s %s: %v %v, want %v", data, m.Key, got.Metrics[i].Key, a, b)
		}
		if v, ok := printed[m.Key].(float64); ok != !math.IsNaN(b) || ok && v != a || again[m.Key] != printed[m.Key] {
			t.Errorf("%s %s: printed %v and %v, want %v", data, m.Key, printed[m.Key], again[m.Key], a)
		}
		undefined := func(note any) bool { return strings.Contains(note.(string), m.Key+" is not defined") }
		if notes := printed["notes"].([]any); math.IsNaN(b) && !slices.ContainsFunc(notes, undefined) {
			t.Errorf("no note for %s: %v", m.Key, notes)
		}
	}
}

// repeatedKeys are the keys that an object has more than once.
func repeatedKeys(t *testing.T, text string) (twice []string) {
	t.Helper()
	d, seen := json.NewDecoder(strings.NewReader(text)), map[string]bool{}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			t.Fatal(text, err)
		}
		if name := key.(string); seen[name] {
			twice = append(twice, name)
		} else {
			seen[name] = true
		}
	}
	return twice
}

// A model without a decoder writes no captions, in a benchmark as alone.
func TestABenchmarkOfCaptionsNeedsADecoder(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	data := filepath.Join(dir, "data", "wds_scenes_captions")
	r := clipgo(t, "eval", "benchmark", "--models", filepath.Join(dir, "model"), "--data", data, "--tasks", "captioning", "--out",
		t.TempDir())
	if r.code != 4 || !strings.Contains(r.err, "no decoder") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// The report of errors lists as many as asked for, in text and in JSON.
func TestTheMostConfidentErrorsAreListed(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	args := []string{"eval", "zeroshot", "--model", filepath.Join(dir, "model"), "--errors", "3", filepath.Join(dir, "data", "wds_digits")}
	text := must(t, append(args, "--per-class")...).out
	_, listed, ok := strings.Cut(text, "the most confident errors:\n")
	if !ok || strings.Count(listed, "\n") != 3 || !strings.Contains(text, "class (most often taken for)") {
		t.Errorf("%s", text)
	}
	var got struct {
		Errors []struct {
			Sample, Label, Predicted string
			Confidence               float64
		}
		Confused []struct {
			Label, Predicted string
			N                int
		}
		Chance float64
	}
	if err := json.Unmarshal([]byte(must(t, append(args, "--json")...).out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Errors) != 3 || got.Errors[0].Confidence < got.Errors[2].Confidence || got.Errors[0].Label == got.Errors[0].Predicted {
		t.Errorf("%+v", got.Errors)
	}
	if none := must(t, append(args, "--errors", "0")...).out; strings.Contains(none, "the most confident errors") {
		t.Errorf("%s", none)
	}
	if len(got.Confused) == 0 || got.Chance <= 0 {
		t.Errorf("%+v", got)
	}
}

func TestSingleTasksRefuseWhatTheyCannotMeasure(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	model, empty := filepath.Join(dir, "model"), t.TempDir()
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "add_att.json"), []byte(`{"0": {"negative_caption": "a"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "there is no such file or folder", []string{"zeroshot", filepath.Join(empty, "absent")}},
		{3, "sample 0: a caption is missing", []string{"choice", damaged}},
		{3, "its pictures have one class each", []string{"multilabel", filepath.Join(dir, "data", "wds_textile")}},
		{3, "it has no split train", []string{"knn", filepath.Join(dir, "data", "wds_textile")}},
		{3, "the task is image_caption_selection", []string{"zeroshot", filepath.Join(dir, "data", "winoground")}},
		{2, "it is adamw or logistic", []string{"linear-probe", "--solver", "sgd", filepath.Join(dir, "data", "wds_digits")}},
		{4, "", []string{"zeroshot", "--model", empty, filepath.Join(dir, "data", "wds_digits")}},
	} {
		r := clipgo(t, append([]string{"eval", c.args[0], "--model", model}, c.args[1:]...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit %d, want %d: %s", c.args, r.code, c.code, r.err)
		}
	}
}

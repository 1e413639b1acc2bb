package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// benchmarkRun is a command of CLIP_benchmark and its result files.
type benchmarkRun struct {
	ID      string
	Argv    []string
	Result  string
	Results []string
}

// all are the values of an option.
func (r benchmarkRun) all(name string) []string {
	at := slices.Index(r.Argv, name)
	if at < 0 {
		return nil
	}
	end := at + 1
	for end < len(r.Argv) && !strings.HasPrefix(r.Argv[end], "--") {
		end++
	}
	return r.Argv[at+1 : end]
}

func (r benchmarkRun) one(name string) string { return strings.Join(r.all(name), " ") }

// deterministic reports whether the run is one whose numbers are defined: without mixed precision and without random numbers.
func (r benchmarkRun) deterministic() bool {
	return strings.HasPrefix(r.one("--task"), "zeroshot_") && slices.Contains(r.Argv, "--no_amp")
}

// sets are the data sets of a run as clipgo names them.
func (r benchmarkRun) sets(t *testing.T, dir string) string {
	t.Helper()
	names := r.all("--dataset")
	if data, err := os.ReadFile(filepath.Join(dir, r.one("--dataset"))); err == nil {
		names = strings.Fields(string(data))
	}
	var out []string
	for _, name := range names {
		place := strings.ReplaceAll(r.one("--dataset_root"), "{dataset_cleaned}",
			strings.ReplaceAll(strings.TrimPrefix(name, "wds/"), "/", "-"))
		out = append(out, name+"="+filepath.Join(dir, place))
	}
	return strings.Join(out, ",")
}

// command is the same command for clipgo, in a language.
// Classifiers are those of the folder saved.
func (r benchmarkRun) command(t *testing.T, dir, out, saved, language string) []string {
	t.Helper()
	args := []string{"eval", "benchmark", "--models", filepath.Join(dir, "model"), "--data", r.sets(t, dir), "--out", out,
		"--precision", "fp32", "--tasks", r.one("--task"), "--language", language, "--quiet"}
	recalls := "5"
	if k := r.all("--recall_k"); k != nil {
		recalls = strings.Join(k, ",")
	}
	args = append(args, "--recall-k", recalls)
	for _, file := range []string{"--custom_classname_file", "--custom_template_file"} {
		if name := r.one(file); name != "" {
			args = append(args, strings.ReplaceAll(file, "_", "-"), filepath.Join(dir, name))
		}
	}
	for _, option := range []string{"--split", "--batch_size"} {
		if value := r.one(option); value != "" {
			args = append(args, strings.ReplaceAll(option, "_", "-"), value)
		}
	}
	for _, option := range []string{"--dump_classnames", "--dump_templates"} {
		if slices.Contains(r.Argv, option) {
			args = append(args, strings.ReplaceAll(option, "_", "-"))
		}
	}
	for _, option := range []string{"--save_clf", "--load_clfs"} {
		var files []string
		for _, file := range r.all(option) {
			files = append(files, filepath.Join(saved, strings.TrimSuffix(filepath.Base(file), ".pt")+".npy"))
		}
		if files != nil {
			args = append(args, strings.ReplaceAll(option, "_", "-"), strings.Join(files, ","))
		}
	}
	return args
}

// TestGoldenBenchmarkCommands runs what CLIP_benchmark ran on classification, multi-label classification and retrieval, from the arguments
// to the result file, and compares all keys in their order, and the numbers.
func TestGoldenBenchmarkCommands(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	compared, saved := map[string]int{}, t.TempDir()
	for _, r := range golden.Lines[benchmarkRun](t, filepath.Join(dir, "runs.jsonl")) {
		if !r.deterministic() {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			out := t.TempDir()
			languages := r.all("--language")
			if languages == nil {
				languages = []string{"en"}
			}
			for _, language := range languages {
				must(t, r.command(t, dir, out, saved, language)...)
			}
			results := r.Results
			if r.Result != "" {
				results = append(results, r.Result)
			}
			for _, name := range results {
				compared[resultIs(t, dir, filepath.Join(dir, name), out)]++
			}
		})
	}
	for _, key := range []string{"acc1", "mean_average_precision", "image_retrieval_recall@1"} {
		if compared[key] == 0 {
			t.Errorf("no result with %s: %v", key, compared)
		}
	}
}

// resultIs looks for the result of the same data set, task and language among those of a folder and compares it. It returns the key of the
// first metric.
func resultIs(t *testing.T, dir, path, out string) string {
	t.Helper()
	want, err := clipbenchmark.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range globFiles(t, filepath.Join(out, "*.json")) {
		got, err := clipbenchmark.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.Dataset != want.Dataset || got.Task != want.Task || got.Language != want.Language {
			continue
		}
		if got.Pretrained != want.Pretrained || !slices.Equal(got.Classnames, want.Classnames) ||
			!reflect.DeepEqual(plain(got.Templates), plain(want.Templates)) || len(got.Metrics) != len(want.Metrics) {
			t.Fatalf("%+v\nwant\n%+v", got, want)
		}
		bounds := tieBounds(t, dir, want)
		for i, m := range want.Metrics {
			low, high := m.Value.(float64)-1e-6, m.Value.(float64)+1e-6
			if b, ok := bounds[m.Key]; ok {
				low, high = b[0]-1e-6, b[1]+1e-6
			}
			v := got.Metrics[i].Value.(float64)
			if got.Metrics[i].Key != m.Key || !(v >= low && v <= high || math.IsNaN(v) && math.IsNaN(low)) {
				t.Errorf("%s is %v, want %s from %v to %v", got.Metrics[i].Key, v, m.Key, low, high)
			}
		}
		return want.Metrics[0].Key
	}
	t.Errorf("there is no result of %s, %s, %s", want.Dataset, want.Task, want.Language)
	return ""
}

// plain is a value without the types of its parts.
func plain(v any) string { return fmt.Sprint(v) }

// tieBounds are what recalls of retrieval may be where scores are equal.
func tieBounds(t *testing.T, dir string, r *clipbenchmark.Result) map[string][2]float64 {
	t.Helper()
	var figures struct {
		Retrieval map[string]json.RawMessage
	}
	if err := json.Unmarshal(golden.Read(t, filepath.Join(dir, "figures.json")), &figures); err != nil {
		t.Fatal(err)
	}
	var sides map[string]map[string]any
	if json.Unmarshal(figures.Retrieval[strings.TrimPrefix(r.Dataset, "wds/")], &sides) != nil {
		return nil
	}
	out := map[string][2]float64{}
	for side, values := range sides {
		for key, value := range values {
			low, ok := values[key+"_pessimistic"].(float64)
			if high, number := value.(float64); ok && number {
				out[side+"_"+key] = [2]float64{low, high}
			}
		}
	}
	return out
}

func globFiles(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"clipgo/eval/clipbenchmark"
	"clipgo/internal/golden"
)

// irregular are the checks of the cases that need more than one command, or other numbers than those of a result, by the beginnings of
// their names.
var irregular = map[string]func(t *testing.T, dir string, b behaviour){
	"linear probe, more shots than a class has":          tooManyShots,
	"linear probe with --val_proportion":                 shareForValidation,
	"linear probe with the default amp":                  probeInBfloat16,
	"linear probe with --normalize False":                normalizeFalse,
	"linear probe on 5 classes":                          probeOfFiveClasses,
	"linear probe again with the same --feature_root":    probeTwice,
	"image_caption_selection with captions of different": differentNumbers,
	"the same with 5 in a batch":                         differentNumbersInBatches,
	"default --output and a model with a slash":          slashInTheName,
	"build with a file that is missing":                  missingResult,
	"build with the result of a probe that had too few":  emptyResult,
}

// ran is the one result of a benchmark of one set, with what the command said.
func ran(t *testing.T, dir, out, set string, args ...string) (*clipbenchmark.Result, result) {
	t.Helper()
	r := must(t, append(suiteOf(dir, set, out), args...)...)
	found := globFiles(t, filepath.Join(out, "*.json"))
	if len(found) != 1 {
		t.Fatalf("results are %v\n%s", found, r.err)
	}
	got, err := clipbenchmark.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return got, r
}

// suiteOf is the command of a benchmark of one set.
func suiteOf(dir, set, out string) []string {
	return []string{"eval", "benchmark", "--models", filepath.Join(dir, "model"), "--data", set, "--out", out, "--precision", "fp32"}
}

// probed is ran for a linear probe on a set, or on one without validation data.
func probed(t *testing.T, dir, out, set string, args ...string) (*clipbenchmark.Result, result) {
	t.Helper()
	return ran(t, dir, out, set, append(args, "--tasks", "linear_probe")...)
}

func dataOf(dir, set string) string { return filepath.Join(dir, "data", set) }

// withoutVal is a copy of the set that probes are trained on, without its validation data.
func withoutVal(t *testing.T) string {
	t.Helper()
	place := changed(t, "wds_digits", nil)
	if err := os.RemoveAll(filepath.Join(place, "val")); err != nil {
		t.Fatal(err)
	}
	return place
}

// sameKeys compares the keys of two results in their order.
func sameKeys(t *testing.T, got, want []clipbenchmark.Metric) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || got[i].Key != want[i].Key {
			t.Fatalf("%v, want the keys of %v", got, want)
		}
	}
}

// isAbout compares an accuracy up to what other random numbers make of it.
func isAbout(t *testing.T, r *clipbenchmark.Result, key string, want, room float64) {
	t.Helper()
	if v, _ := r.Value(key); !(math.Abs(v.(float64)-want) <= room) {
		t.Errorf("%s is %v, want %v up to %v", key, v, want, room)
	}
}

// onGrid checks that the weight decay is one of CLIP_benchmark's 97 values.
func onGrid(t *testing.T, r *clipbenchmark.Result) {
	t.Helper()
	v, _ := r.Value("weight_decay")
	decay, _ := v.(float64)
	if at := 12 * (math.Log10(decay) + 6); !(math.Abs(at-math.Round(at)) < 1e-6 && at > -0.5 && at < 96.5) {
		t.Errorf("a weight decay of %v was not searched", v)
	}
}

// metricsIn are the metrics of one of the fixtures' results.
func metricsIn(t *testing.T, dir, name string) *clipbenchmark.Result {
	t.Helper()
	r, err := clipbenchmark.ReadFile(filepath.Join(dir, "results", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Too many shots are refused with the class and its samples; beside numbers that there are enough samples for, they are left out.
func tooManyShots(t *testing.T, dir string, b behaviour) {
	if b.Metrics != nil {
		t.Fatalf("CLIP_benchmark has %v", b.Metrics)
	}
	labels := golden.Tensors(t, filepath.Join(dir, "details", "linear_probe.safetensors"))["train.labels"].I64
	many, out := fmt.Sprint(len(labels)+1), t.TempDir()
	r := clipgo(t, append(suiteOf(dir, dataOf(dir, "wds_digits"), out), "--tasks", "linear_probe", "--fewshot-k", many)...)
	if r.code != 3 || !strings.Contains(r.err, many+" per class are asked for") || len(globFiles(t, filepath.Join(out, "*.json"))) > 0 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	some, said := probed(t, dir, t.TempDir(), dataOf(dir, "wds_digits"), "--fewshot-k", "1,"+many)
	if k, _ := some.Value("fewshot_k"); k != 1 || !strings.Contains(said.out+said.err, many+" samples per class: left out") {
		t.Errorf("%v\n%s", some.Metrics, said.err)
	}
}

// A share of the training data is held out where CLIP_benchmark can't, and the weight decay is searched on it.
func shareForValidation(t *testing.T, dir string, _ behaviour) {
	place := withoutVal(t)
	plain, _ := probed(t, dir, t.TempDir(), place)
	if v, _ := plain.Value("weight_decay"); v != 0 {
		t.Errorf("without validation data the weight decay is %v", v)
	}
	got, _ := probed(t, dir, t.TempDir(), place, "--val-proportion", "0.25")
	want := metricsIn(t, dir, "lp-val")
	sameKeys(t, got.Metrics, want.Metrics)
	onGrid(t, got)
	r := clipgo(t, "eval", "linear-probe", "--model", filepath.Join(dir, "model"), "--val-proportion", "1.5", place)
	if r.code != 2 || !strings.Contains(r.err, "--val-proportion") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// Mixed precision and validation data go together.
func probeInBfloat16(t *testing.T, dir string, _ behaviour) {
	got, _ := probed(t, dir, t.TempDir(), dataOf(dir, "wds_digits"), "--precision", "bf16")
	want := metricsIn(t, dir, "lp-val")
	sameKeys(t, got.Metrics, want.Metrics)
	onGrid(t, got)
	acc, _ := want.Value("lp_acc1")
	isAbout(t, got, "lp_acc1", acc.(float64), 0.16) // other random numbers, and bfloat16
}

// False is no, as the empty text is.
func normalizeFalse(t *testing.T, dir string, b behaviour) {
	if b.Metrics["normalized"] != true {
		t.Fatalf("CLIP_benchmark has %v", b.Metrics)
	}
	place, out := withoutVal(t), t.TempDir()
	got, _ := probed(t, dir, out, place, "--normalize", "False")
	empty, _ := probed(t, dir, out, place, "--normalize", "")
	want := metricsIn(t, dir, "lp-raw")
	sameKeys(t, got.Metrics, want.Metrics)
	if v, _ := got.Value("normalized"); v != false || !reflect.DeepEqual(got.Metrics, empty.Metrics) {
		t.Errorf("%v, with an empty text %v", got.Metrics, empty.Metrics)
	}
	acc, _ := want.Value("lp_acc1")
	isAbout(t, got, "lp_acc1", acc.(float64), 0.08)
}

// The top 5 of five classes are no number, and a note says so.
func probeOfFiveClasses(t *testing.T, dir string, b behaviour) {
	got, said := probed(t, dir, t.TempDir(), dataOf(dir, "wds_odd-five"))
	v, _ := got.Value("lp_acc5")
	if f, ok := v.(float64); !ok || !math.IsNaN(f) || b.Metrics["lp_acc5"] != nil {
		t.Errorf("lp_acc5 is %v, CLIP_benchmark has %v", v, b.Metrics["lp_acc5"])
	}
	if !strings.Contains(said.err, "lp_acc5 is not defined") {
		t.Errorf("%s", said.err)
	}
	for key := range maps.Keys(b.Metrics) {
		if _, ok := got.Value(key); !ok {
			t.Errorf("there is no %s in %v", key, got.Metrics)
		}
	}
}

// Results with and without normalization in one folder are those of folders of their own.
func probeTwice(t *testing.T, dir string, _ behaviour) {
	place, out := withoutVal(t), t.TempDir()
	unit, _ := probed(t, dir, out, place)
	raw, _ := probed(t, dir, out, place, "--normalize", "")
	alone, _ := probed(t, dir, t.TempDir(), place, "--normalize", "")
	again, _ := probed(t, dir, out, place)
	if !reflect.DeepEqual(raw.Metrics, alone.Metrics) || reflect.DeepEqual(raw.Metrics, unit.Metrics) {
		t.Errorf("not normalized: %v, alone %v, normalized %v", raw.Metrics, alone.Metrics, unit.Metrics)
	}
	if !reflect.DeepEqual(unit.Metrics, again.Metrics) {
		t.Errorf("normalized: %v, then %v", unit.Metrics, again.Metrics)
	}
}

// Each picture chooses among its own captions, whatever their number.
func differentNumbers(t *testing.T, dir string, _ behaviour) { selects(t, dir) }

func differentNumbersInBatches(t *testing.T, dir string, _ behaviour) {
	selects(t, dir, "--batch-size", "5")
}

// selects compares with the stored features. Pictures whose two best captions are nearly equal may go either way.
func selects(t *testing.T, dir string, args ...string) {
	t.Helper()
	got, _ := ran(t, dir, t.TempDir(), dataOf(dir, "wds_scenes_captions"), append(args, "--tasks", "image_caption_selection")...)
	stored := golden.Tensors(t, filepath.Join(dir, "details", "ret-scenes_captions.safetensors"))
	images, texts, of := stored["images"], stored["texts"], stored["text_image"].I64
	n, dim := images.Shape[0], images.Shape[1]
	right, open := 0.0, 0.0
	for i := range n {
		first, others := math.Inf(-1), math.Inf(-1)
		for text, image := range of {
			if int(image) != i {
				continue
			}
			cosine := 0.0
			for j := range dim {
				cosine += float64(images.F32[i*dim+j]) * float64(texts.F32[text*dim+j])
			}
			if math.IsInf(first, -1) {
				first = cosine
			} else {
				others = max(others, cosine)
			}
		}
		switch {
		case math.Abs(first-others) < 1e-5:
			open++
		case first > others:
			right++
		}
	}
	low, high := right/float64(n), (right+open)/float64(n)
	for key, bounds := range map[string][2]float64{"image_acc": {1, 1}, "text_acc": {low, high}, "acc": {low, high}} {
		isAbout(t, got, key, (bounds[0]+bounds[1])/2, (bounds[1]-bounds[0])/2+1e-6)
	}
}

// The name of a model may have slashes; that of its file has none.
func slashInTheName(t *testing.T, dir string, _ behaviour) {
	got, _ := ran(t, dir, t.TempDir(), dataOf(dir, textile))
	if got.Model != filepath.Join(dir, "model") {
		t.Errorf("the model is %s", got.Model)
	}
	if want := metricsIn(t, dir, "zs-textile"); fmt.Sprint(want.Metrics) != fmt.Sprint(got.Metrics) {
		t.Errorf("%v, want %v", got.Metrics, want.Metrics)
	}
}

// table are the lines of benchmark.csv but for the first.
func table(t *testing.T, out string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(string(golden.Read(t, filepath.Join(out, "benchmark.csv")))), "\n")[1:]
}

// A result whose file is gone is computed again; until then the table has the others.
func missingResult(t *testing.T, dir string, _ behaviour) {
	out := t.TempDir()
	_, _ = ran(t, dir, out, dataOf(dir, textile))
	file := globFiles(t, filepath.Join(out, "*.json"))[0]
	want, rows := golden.Read(t, file), table(t, out)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	_, _ = ran(t, dir, out, dataOf(dir, textile))
	if string(golden.Read(t, file)) != string(want) || !reflect.DeepEqual(table(t, out), rows) {
		t.Errorf("%s, want %s; rows %v", golden.Read(t, file), want, table(t, out))
	}
}

// A result without metrics is no row of the table, and is computed if its place is that of a cell.
func emptyResult(t *testing.T, dir string, b behaviour) {
	if b.Exit == 0 {
		t.Fatal("CLIP_benchmark builds its table")
	}
	out := t.TempDir()
	_, _ = ran(t, dir, out, dataOf(dir, textile))
	file := globFiles(t, filepath.Join(out, "*.json"))[0]
	rows := table(t, out)
	var whole map[string]json.RawMessage
	want := golden.Read(t, file)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(want), "NaN", "null")), &whole); err != nil {
		t.Fatal(err)
	}
	whole["metrics"] = json.RawMessage("null")
	empty, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(out, "other.json")} {
		if err := os.WriteFile(path, empty, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, suiteOf(dir, dataOf(dir, textile), out)...)
	if string(golden.Read(t, file)) != string(want) || !reflect.DeepEqual(table(t, out), rows) {
		t.Errorf("%s, want %s; rows %v", golden.Read(t, file), want, table(t, out))
	}
}

package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/safetensors"
	"clipgo/pretrained"
	"clipgo/pretrained/merge"
)

// twoRuns trains one tiny model for 20 steps, and another that starts from it for steps more. Their preprocessing is not the
// config's own.
func twoRuns(t *testing.T, steps string) (before, after string) {
	t.Helper()
	dir := t.TempDir()
	before, after = filepath.Join(dir, "before"), filepath.Join(dir, "after")
	must(t, tinyRun(tiny(t), before, "--steps", "20", "--set", "preprocess.mean=0.9,0.8,0.7", "--set", "preprocess.std=0.2,0.2,0.2")...)
	must(t, tinyRun(before, after, "--steps", steps, "--lr", "3e-3", "--seed", "5")...)
	return before, after
}

// tensorsOf reads all weights of a file.
func tensorsOf(t *testing.T, path ...string) map[string]safetensors.Tensor {
	t.Helper()
	f, err := safetensors.Open(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]safetensors.Tensor{}
	for _, name := range f.Names() {
		x, _ := f.Tensor(name)
		x.Data = bytes.Clone(x.Data)
		out[name] = x
	}
	return out
}

const mergedWeights = "open_clip_model.safetensors"

func TestMergeInterpolatesEveryParameter(t *testing.T) {
	before, after := twoRuns(t, "20")
	checkpoint := filepath.Join(pretrained.CheckpointsDir, "step-00000020", pretrained.WeightsFile)
	a, b := tensorsOf(t, before, checkpoint), tensorsOf(t, after, checkpoint)
	number := func(x safetensors.Tensor, i int) float64 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(x.Data[4*i:])))
	}
	for alpha, want := range map[string]func(name string, i int) float64{
		"0":    func(name string, i int) float64 { return number(a[name], i) },
		"1":    func(name string, i int) float64 { return number(b[name], i) },
		"0.25": func(name string, i int) float64 { return 0.75*number(a[name], i) + 0.25*number(b[name], i) },
		"":     func(name string, i int) float64 { return (number(a[name], i) + number(b[name], i)) / 2 },
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := []string{"merge", before, after, "--out", out}
		if alpha != "" {
			args = append(args, "--alpha", alpha)
		}
		must(t, args...)
		got := tensorsOf(t, out, mergedWeights)
		if len(got) != len(a) || got["logit_scale"].Data == nil {
			t.Fatalf("%d tensors, want %d with logit_scale", len(got), len(a))
		}
		for name, x := range got {
			for i := range len(x.Data) / 4 {
				if w := float32(want(name, i)); float32(number(x, i)) != w {
					t.Fatalf("alpha %q: %s[%d] is %g, want %g", alpha, name, i, number(x, i), w)
				}
			}
		}
		must(t, "info", out)
	}
}

// The curve's points are what zeroshot says of the models that were merged and of the one that is written.
func TestMergeCurveIsWhatZeroshotMeasures(t *testing.T) {
	before, after := twoRuns(t, "200")
	data, dir := "builtin:shapes?n=100", t.TempDir()
	templates := write(t, filepath.Join(dir, "templates.txt"), "a picture of a {}\n")
	out := filepath.Join(dir, "best")
	r := must(t, "merge", before, after, "--alpha", "0:1:0.25", "--eval", data, "--templates", templates, "--precision", "fp32", "--out",
		out, "--json")
	got := decodeJSON[merge.Result](t, r)
	if len(got.Points) != 5 || got.Metric != "zeroshot_top1" || got.Out != out || got.Best == nil {
		t.Fatalf("%+v", got)
	}
	type accuracy struct {
		Top1 float64 `json:"top1"`
		Top5 float64 `json:"top5"`
	}
	measure := func(model string) accuracy {
		return decodeJSON[accuracy](t, must(t, "zeroshot", "--model", model, data, "--templates", templates, "--precision", "fp32",
			"--json"))
	}
	of := func(p *merge.Point) accuracy { return accuracy{p.Values["zeroshot_top1"], p.Values["zeroshot_top5"]} }
	low, top, alphas := 1.0, 0.0, []float64{}
	for _, p := range got.Points {
		low, top, alphas = min(low, of(p).Top1), max(top, of(p).Top1), append(alphas, *p.Alpha)
	}
	if low == top {
		t.Fatalf("all points have %g: the data tells nothing apart", top)
	}
	if !slices.Equal(alphas, []float64{0, 0.25, 0.5, 0.75, 1}) {
		t.Errorf("alphas %v", alphas)
	}
	for model, p := range map[string]*merge.Point{before: got.Points[0], after: got.Points[4], out: got.Best} {
		if is := measure(model); is != of(p) {
			t.Errorf("%s: zeroshot says %v, the curve %v", model, is, of(p))
		}
	}
	if of(got.Best).Top1 != top {
		t.Errorf("the best has %g, the highest is %g", of(got.Best).Top1, top)
	}
	if card := string(read(t, out, "README.md")); !strings.Contains(card, "top-1") || !strings.Contains(card, "alpha") {
		t.Errorf("the card says nothing of the curve:\n%s", card)
	}
	shown := must(t, "merge", before, after, "--alpha", "0:1:0.5", "--eval", data, "--precision", "fp32")
	if lines := strings.Split(strings.TrimSpace(shown.out), "\n"); len(lines) != 5 || !strings.HasPrefix(lines[4], "best alpha ") {
		t.Errorf("the curve:\n%s", shown.out)
	}
}

func TestMergeMeasuresRecallWhereThereAreNoClasses(t *testing.T) {
	before, after := twoRuns(t, "20")
	r := must(t, "merge", before, after, before, "--eval", pairs(t, 12), "--precision", "fp32", "--json")
	got := decodeJSON[merge.Result](t, r)
	if got.Metric != "mean_retrieval_recall@1" || len(got.Points) != 1 || got.Points[0].Alpha != nil || len(got.Points[0].Values) != 6 {
		t.Errorf("%s", r.out)
	}
}

// A folder that is written keeps the prompts of the training, and a merged one those that its sources share.
func TestFoldersKeepThePromptsOfTheirSources(t *testing.T) {
	before, after := twoRuns(t, "20")
	dir := t.TempDir()
	of := func(model string) []string {
		src, err := pretrained.Find(model, "")
		if err != nil {
			t.Fatal(err)
		}
		return src.Templates
	}
	want, merged, hf := of(before), filepath.Join(dir, "merged"), filepath.Join(dir, "hf")
	must(t, "merge", before, after, "--out", merged)
	must(t, "convert", merged, hf, "--to", "hf")
	must(t, "info", hf)
	if len(want) == 0 || !slices.Equal(of(merged), want) || !slices.Equal(of(hf), want) {
		t.Errorf("prompts %q; merged %q, converted %q", want, of(merged), of(hf))
	}
	plain, neither := filepath.Join(dir, "plain"), filepath.Join(dir, "neither")
	must(t, "convert", before, plain, "--to", "open_clip")
	for _, name := range []string{"prompts.json", "MANIFEST"} { // who changes a folder removes its list of files, as the error says
		if err := os.Remove(filepath.Join(plain, name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := must(t, "merge", before, plain, "--out", neither); !strings.Contains(r.err, "different prompts") || of(neither) != nil {
		t.Errorf("prompts %q of sources that differ in them: %s", of(neither), r.err)
	}
}

func TestMergeRefusesWhatDoesNotGoTogether(t *testing.T) {
	before, after := twoRuns(t, "20")
	dir := t.TempDir()
	folder := func(name, config string, weights []byte) string {
		write(t, filepath.Join(dir, name, pretrained.ModelConfigFile), config)
		return filepath.Dir(write(t, filepath.Join(dir, name, pretrained.WeightsFile), string(weights)))
	}
	config := string(read(t, before, pretrained.CheckpointsDir, "step-00000020", pretrained.ModelConfigFile))
	data := read(t, before, pretrained.CheckpointsDir, "step-00000020", pretrained.WeightsFile)
	spoiled := slices.Clone(data)
	binary.LittleEndian.PutUint32(spoiled[len(spoiled)-4:], 0x7fc00000)
	other := func(from, to string) string {
		if !strings.Contains(config, from) {
			t.Fatalf("%s is not in %s", from, config)
		}
		return strings.Replace(config, from, to, 1)
	}
	heads := folder("heads", other(`"head_width": 16`, `"head_width": 8`), data)
	mean := folder("mean", other(`0.9`, `0.5`), data)
	nan := folder("nan", config, spoiled)
	wordy := folder("wordy", config, data)
	write(t, filepath.Join(wordy, "vocab.json"), `{"a": 0}`)
	fresh := filepath.Join(dir, "fresh")
	full := filepath.Dir(write(t, filepath.Join(dir, "full", "x"), "x"))
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"another architecture", []string{before, heads, "--out", fresh}, exitModel, "vision_cfg.head_width is 8, not 16"},
		{"the third is another", []string{before, after, heads, "--out", fresh}, exitModel, "heads"},
		{"another preprocessing", []string{before, mean, "--out", fresh}, exitModel, "preprocess_cfg.mean"},
		{"another tokenizer", []string{before, wordy, "--out", fresh}, exitModel, "tokenizer"},
		{"NaN", []string{before, nan, "--out", fresh}, exitModel, "not a finite number in "},
		{"a config", []string{before, "ViT-B-32", "--out", fresh}, exitUsage, "without weights"},
		{"no such model", []string{before, filepath.Join(dir, "nowhere"), "--out", fresh}, exitUsage, "nowhere"},
		{"one model", []string{before, "--out", fresh}, exitUsage, "argument is missing"},
		{"nothing to do", []string{before, after}, exitUsage, "nothing to do"},
		{"alpha of three", []string{before, after, before, "--alpha", "0.5", "--out", fresh}, exitUsage, "between two models"},
		{"range without data", []string{before, after, "--alpha", "0:1:0.1", "--out", fresh}, exitUsage, "--eval"},
		{"alpha above 1", []string{before, after, "--alpha", "1.5", "--out", fresh}, exitUsage, "within 0 and 1"},
		{"alpha of words", []string{before, after, "--alpha", "half", "--out", fresh}, exitUsage, "half"},
		{"alpha of two", []string{before, after, "--alpha", "0:1", "--out", fresh}, exitUsage, "from:to:step"},
		{"no step", []string{before, after, "--alpha", "0:1:0", "--out", fresh}, exitUsage, "--alpha"},
		{"out is taken", []string{before, after, "--out", full}, exitUsage, "not empty"},
		{"templates for nothing", []string{before, after, "--templates", "x", "--out", fresh}, exitUsage, "--eval"},
	} {
		r := clipgo(t, append([]string{"merge"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || strings.Count(r.err, "\n") != 1 || r.out != "" {
			t.Errorf("%s: exit %d, want %d with %q\n%s%s", c.name, r.code, c.code, c.says, r.err, r.out)
		}
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a refused merge wrote something")
	}
}

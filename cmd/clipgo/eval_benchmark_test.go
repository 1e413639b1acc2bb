package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// A benchmark writes its files once; the second run computes nothing and prints the same.
func TestABenchmarkIsComputedOnce(t *testing.T) {
	dir, out := golden.Dir(t, "benchmark"), filepath.Join(t.TempDir(), "results")
	sets := write(t, filepath.Join(t.TempDir(), "sets.txt"), "# three\nnumbers="+filepath.Join(dir, "data", "wds_digits")+"\n\n"+
		filepath.Join(dir, "data", "wds_scenes_captions")+"\n"+filepath.Join(dir, "data", "wds_odd-five")+"\n")
	args := []string{"eval", "benchmark", "--models", filepath.Join(dir, "model"), "--data", sets, "--out", out}
	args = append(args, "--precision", "fp32", "--json")
	first, second := must(t, args...), must(t, args...)
	if first.out != second.out || strings.Count(first.out, "\n") != 3 || !strings.Contains(first.out, `"dataset":"numbers"`) {
		t.Errorf("%s\nthen\n%s", first.out, second.out)
	}
	if strings.Contains(first.err, "done before") || strings.Count(second.err, "done before") != 3 {
		t.Errorf("%s\nthen\n%s", first.err, second.err)
	}
	for _, name := range strings.Fields("benchmark.csv benchmark.md parts.csv averages.jsonl index.html details samples pictures") {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestABenchmarkRefusesWhatItCannotMean(t *testing.T) {
	dir, out := golden.Dir(t, "benchmark"), filepath.Join(t.TempDir(), "results")
	model, digits := filepath.Join(dir, "model"), filepath.Join(dir, "data", "wds_digits")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "--models is missing", []string{"--data", digits, "--out", out}},
		{2, "no such file or folder", []string{"--models", model, "--data", digits + "x", "--out", out}},
		{2, "there is no task swimming", []string{"--models", model, "--data", digits, "--out", out, "--tasks", "swimming"}},
		{2, "is named twice", []string{"--models", model + "," + model, "--data", digits, "--out", out}},
		{2, `--part: "3" is not i/n`, []string{"--models", model, "--data", digits, "--out", out, "--part", "3"}},
		{2, "--part: 5/4: the first number is from 1", []string{"--models", model, "--data", digits, "--out", out, "--part", "5/4"}},
		{2, "it is all or halving", []string{"--models", model, "--data", digits, "--out", out, "--probe-search", "some"}},
		{2, "with --solver logistic", []string{"--models", model, "--data", digits, "--out", out, "--probe-c", "1"}},
		{2, "it is true or false", []string{"--models", model, "--data", digits, "--out", out, "--normalize", "maybe"}},
		{2, "each once", []string{"--models", model, "--data", digits, "--out", out, "--fewshot-k", "2,2"}},
		{2, "is named twice", []string{"--models", model, "--data", digits, "--out", out, "--seeds", "1,1"}},
		{2, "it is adamw or logistic", []string{"--models", model, "--data", digits, "--out", out, "--solver", "sgd"}},
		{3, "it has no split train", []string{
			"--models", model, "--data", filepath.Join(dir, "data", "wds_textile"), "--out", out, "--tasks", "linear_probe"}},
	} {
		r := clipgo(t, append([]string{"eval", "benchmark"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit %d, want %d: %s", c.args, r.code, c.code, r.err)
		}
	}
}

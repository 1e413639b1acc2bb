package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// compare measures what is missing, compares two models and writes the page; without --data it reads results only.
func TestCompareMeasuresAndCompares(t *testing.T) {
	dir, results := golden.Dir(t, "benchmark"), filepath.Join(t.TempDir(), "results")
	page := filepath.Join(t.TempDir(), "page.html")
	first, second := filepath.Join(dir, "model"), filepath.Join(t.TempDir(), "other")
	if err := os.CopyFS(second, os.DirFS(first)); err != nil {
		t.Fatal(err)
	}
	args := []string{"eval", "compare", first, second, "--results", results, "--examples", "2", "--html", page, "--json"}
	measured := must(t, append(args, "--data", filepath.Join(dir, "data", "wds_digits"), "--precision", "fp32")...)
	lines := strings.Split(strings.TrimSpace(measured.out), "\n")
	var one struct {
		Dataset    string
		Difference struct{ N, Better, Worse int }
	}
	err := json.Unmarshal([]byte(lines[0]), &one)
	if err != nil || len(lines) != 2 || one.Dataset != "wds/digits" || one.Difference.N == 0 {
		t.Errorf("%v: %s", err, measured.out)
	}
	if read := must(t, args...); read.out != measured.out {
		t.Errorf("%s\nthen\n%s", measured.out, read.out)
	}
	digits := filepath.Join(dir, "data", "wds_digits")
	alone := must(t, "eval", "compare", first, second, "--data", digits, "--examples", "2", "--precision", "fp32", "--json")
	if alone.out != measured.out {
		t.Errorf("without a folder: %s\nwant\n%s", alone.out, measured.out)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "wds/digits") {
		t.Errorf("the page: %v", err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "it is no folder of results", []string{dir, results}},
		{2, "no results of the model", []string{"x", "y", "--results", results}},
		{2, "models need --results, or --data", []string{first, second}},
	} {
		r := clipgo(t, append([]string{"eval", "compare"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit %d, want %d: %s", c.args, r.code, c.code, r.err)
		}
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/eval"
)

// TestAnatomyOfATrainingIsInItsReport compares the command with the page that the training wrote.
func TestAnatomyOfATrainingIsInItsReport(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(tiny(t), out, "--steps", "3")...)
	const data = "builtin:shapes?split=val&n=40"
	a := decodeJSON[eval.Anatomy](t, must(t, "eval", "anatomy", "--model", out, data, "--precision", "fp32", "--json"))
	if a.Pairs != 40 || a.Candidates != 40 || len(a.ImageAttention) != 2 || len(a.ImageAttention[0]) != 2 || len(a.TextAttention) != 1 {
		t.Errorf("%+v", a)
	}
	for tower, layers := range map[string][][]float64{"image": a.ImageAttention, "text": a.TextAttention} {
		for _, heads := range layers {
			for _, v := range heads {
				if v <= 0 || v > 1+1e-6 {
					t.Errorf("%s attention %v", tower, heads)
				}
			}
		}
	}
	page := string(read(t, out, reportFile))
	for _, want := range []string{"Embedding diagnostics", "After step 3, on 40 pairs", "Text tower: spread of attention"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report doesn't say %q", want)
		}
	}
	shown := must(t, "eval", "anatomy", "--model", out, data, "--precision", "fp32", "--candidates", "8", "--sample", "0").out
	if !strings.Contains(shown, "40 pairs, 8 at a time") || strings.Contains(shown, "attention") {
		t.Error(shown)
	}
	if r := clipgo(t, "eval", "anatomy", "--model", out, data, "--candidates", "1"); r.code != exitUsage {
		t.Errorf("exit %d", r.code)
	}
}

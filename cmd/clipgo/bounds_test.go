package main

import (
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
)

// TestNumbersHaveBounds gives numbers that can't be meant: exit 2, one line with the setting, the value and the bound.
func TestNumbersHaveBounds(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	shot := picture(t, filepath.Join(dir, "shot.png"), color.White)
	run := filepath.Join(dir, "run")
	train := []string{"train", "--train-data", "builtin:shapes?n=64", "--model", model, "--out", run, "--batch-size", "8"}
	embed := []string{"embed", "--model", model, "--index", filepath.Join(dir, "index"), shot}
	for _, c := range []struct {
		args []string
		more string
		says []string
	}{
		{train, "--steps -1", []string{"--steps", "-1 is negative"}},
		{train, "--epochs -1", []string{"--epochs", "-1 is negative"}},
		{train, "--warmup -1", []string{"--warmup", "-1 is negative"}},
		{train, "--val-frequency -1", []string{"--val-frequency", "-1 is negative"}},
		{train, "--val-frequency -2", []string{"--val-frequency", "-2", "steps from 0 on"}},
		{train, "--zeroshot-frequency -1", []string{"--zeroshot-frequency", "-1 is negative"}},
		{train, "--save-frequency -1", []string{"--save-frequency", "-1 is negative"}},
		{train, "--save-frequency 0epochs", []string{"--save-frequency", "1epoch"}},
		{train, "--stop-after -1", []string{"--stop-after", "-1", "at least 0"}},
		{train, "--epochs 1e300", []string{"--epochs", "at most 1000000"}},
		{train, "--steps 9000000000000000000", []string{"--steps", "at most 1000000000"}},
		{train, "--batch-size 1000000000000000000", []string{"--batch-size", "1000000000000000000", "1048576"}},
		{train, "--accum-freq 1000000000000", []string{"--accum-freq", "at most 65536"}},
		{train, "--workers 1000000000", []string{"--workers", "at most 1024"}},
		{train, "--threads 1000000000", []string{"--threads", "at most 1024"}},
		{train, "--batch-size 1", []string{"--batch-size", "at least 2 pairs"}},
		{train, "--lr-scheduler const-cooldown", []string{"--epochs-cooldown"}},
		{train, "--epochs-cooldown 1", []string{"--epochs-cooldown", "const-cooldown"}},
		{embed, "--batch-size 1000000000000000000", []string{"--batch-size", "at most 65536"}},
		{embed, "--workers 1000000000", []string{"--workers", "at most 1024"}},
		{embed, "--threads 1000000000", []string{"--threads", "at most 1024"}},
		{[]string{"bench", "load", "--model", model}, "--batch-size 1000000000", []string{"--batch-size", "at most 65536"}},
	} {
		r := clipgo(t, append(append([]string{}, c.args...), strings.Fields(c.more)...)...)
		if r.code != exitUsage || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: exit %d: %s", c.more, r.code, r.err)
		}
		for _, word := range c.says {
			if !strings.Contains(r.err, word) {
				t.Errorf("%s: %q lacks %q", c.more, r.err, word)
			}
		}
	}
	if paths.Exists(run) {
		t.Error("a refused training left a directory behind")
	}
}

// TestFrequenciesMayBeEpochs trains two epochs of four steps.
func TestFrequenciesMayBeEpochs(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	must(t, "train", "--train-data", "builtin:shapes?n=32", "--model", tiny(t), "--out", out, "--batch-size", "8", "--epochs", "3",
		"--precision", "fp32", "--save-frequency", "1epoch", "--val-frequency", "2epochs", "--lr-scheduler", "const-cooldown",
		"--epochs-cooldown", "1.5", "--keep", "9")
	if got := checkpointNames(t, out); got != "4 8 12" {
		t.Errorf("saved at %s, want 4 8 12", got)
	}
	if text := string(read(t, out, "evaluations.jsonl")); !strings.Contains(text, `"step":8`) || strings.Contains(text, `"step":4`) {
		t.Errorf("evaluated:\n%s", text)
	}
	if stored := string(read(t, out, "run.json")); !strings.Contains(stored, `"cooldown": 6`) {
		t.Error("a cooldown of 1.5 epochs isn't one of 6 steps")
	}
}

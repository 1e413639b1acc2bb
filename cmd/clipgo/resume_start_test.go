package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// TestARunWithoutACheckpointResumesFromItsOwnStart takes the first checkpoint away from a run that began with trained
// weights.
func TestARunWithoutACheckpointResumesFromItsOwnStart(t *testing.T) {
	base, tuned := filepath.Join(t.TempDir(), "base"), filepath.Join(t.TempDir(), "tuned")
	must(t, tinyRun(tiny(t), base, "--steps", "2")...)
	must(t, tinyRun(base, tuned, "--steps", "2")...)
	want := read(t, newest(t, tuned), pretrained.WeightsFile)
	if err := os.RemoveAll(filepath.Join(tuned, pretrained.CheckpointsDir)); err != nil {
		t.Fatal(err)
	}
	must(t, "train", "--resume", "latest", "--out", tuned)
	if !bytes.Equal(read(t, newest(t, tuned), pretrained.WeightsFile), want) {
		t.Error("the resumed run began with other weights")
	}
}

// TestLaterCheckpointsGo resumes behind a damaged checkpoint, and from one that isn't the newest.
func TestLaterCheckpointsGo(t *testing.T) {
	model := tiny(t)
	whole, run := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "run")
	settings := []string{"--save-frequency", "10", "--keep", "2"}
	must(t, tinyRun(model, whole, settings...)...)
	must(t, tinyRun(model, run, append(settings, "--stop-after", "25")...)...)
	write(t, filepath.Join(newest(t, run), pretrained.WeightsFile), "damaged")
	must(t, "train", "--resume", "latest", "--out", run, "--stop-after", "10", "--save-frequency", "2")
	must(t, "train", "--discard-later", "--resume", filepath.Join(run, pretrained.CheckpointsDir, "step-00000030"), "--out", run)
	sameRun(t, run, whole)
}

// TestAFinishedRunKnowsItsEvaluations resumes a run that has nothing left to do.
func TestAFinishedRunKnowsItsEvaluations(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	args := tinyRun(tiny(t), out, "--steps", "2", "--json")
	type result struct {
		Recall float64 `json:"image_retrieval_recall@1"`
	}
	want := decodeJSON[result](t, must(t, args...))
	got := decodeJSON[result](t, must(t, append(args, "--resume", "latest")...))
	if got != want || want.Recall == 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
	if text := must(t, "train", "--resume", "latest", "--out", out).out; strings.Contains(text, "NaN") {
		t.Error(text)
	}
}

// TestASkipIsToldOnce has a step whose batch is a replacement alone, or is the one before it.
func TestASkipIsToldOnce(t *testing.T) {
	model, dir := tiny(t), pairs(t, 9)
	write(t, filepath.Join(dir, "p003.png"), "this is a text")
	out := filepath.Join(t.TempDir(), "run")
	must(t, "train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "8", "--epochs", "1", "--max-skip", "0.5",
		"--precision", "fp32")
	if n := len(skipped(t, out)); n != 1 {
		t.Errorf("%d lines in the ledger for one bad sample", n)
	}
}

// TestACooldownFitsTheRun gives the schedule that ends in a falling rate.
func TestACooldownFitsTheRun(t *testing.T) {
	model := tiny(t)
	for cooldown, code := range map[string]int{"2": 0, "5": exitUsage, "0": exitUsage} {
		out := filepath.Join(t.TempDir(), "run")
		r := clipgo(t, tinyRun(model, out, "--steps", "4", "--lr-scheduler", "const-cooldown", "--set", "schedule.cooldown="+cooldown)...)
		if r.code != code || code != 0 && paths.Exists(out) {
			t.Errorf("cooldown of %s in 4 steps: exit %d, want %d: %s", cooldown, r.code, code, r.err)
		}
	}
}

func TestARunThatCannotBeginLeavesNoRun(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	args := tinyRun(model, out, "--steps", "1")
	if r := clipgo(t, append(args, "--device", "cuda:99")...); r.code != exitUsage {
		t.Fatalf("exit %d, want 2: %s", r.code, r.err)
	}
	must(t, args...)
}

func TestALengthIsOneHoweverItIsSaid(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := must(t, "train", "--train-data", "builtin:shapes?n=32", "--model", tiny(t), "--out", out, "--batch-size", "16", "--set",
		"steps=70", "--precision", "fp32", "--json")
	if got := decodeJSON[struct{ Step, Steps int }](t, r); got.Step != 70 || got.Steps != 70 {
		t.Errorf("--set steps=70 made %+v", got)
	}
}

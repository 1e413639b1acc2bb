package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/durable"
	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// A run of two batches a step, at once and in sittings: weights, optimizer and metrics to the byte. The pairs of a step are said, counted
// and written down.
func TestARunThatAccumulatesResumesExactly(t *testing.T) {
	model := tiny(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	more := []string{"--accum-freq", "2", "--steps", "9", "--force-patch-dropout", "0.5", "--mlm-weight", "0.5", "--log-frequency", "3"}
	r := must(t, tinyRun(model, whole, more...)...)
	if !strings.Contains(r.err, "9 steps of 32 pairs, 16 at a time (0.7 epochs)") {
		t.Errorf("the pairs of a step are not said: %s", r.err)
	}
	must(t, tinyRun(model, parts, append(more, "--stop-after", "4")...)...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	var row struct{ Step, Samples int }
	last := strings.Split(strings.TrimSpace(string(read(t, whole, metricsFile))), "\n")
	if err := json.Unmarshal([]byte(last[len(last)-1]), &row); err != nil || row.Step != 9 || row.Samples != 9*32 {
		t.Errorf("the last line has %+v, %v", row, err)
	}
	if c := string(read(t, newest(t, whole), pretrained.RunFile)); !strings.Contains(c, `"batch_size": 16,`) ||
		!strings.Contains(c, `"accum_freq": 2,`) {
		t.Errorf("run.json has neither: %s", c)
	}
}

// Rounds change the order of sums alone: after a step, the optimizer's means are the gradient of the step that was made at once.
func TestMicroBatchesTrainAsTheWholeBatch(t *testing.T) {
	model := tiny(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, tinyRun(model, whole, "--steps", "1", "--batch-size", "32", "--siglip")...)
	must(t, tinyRun(model, parts, "--steps", "1", "--batch-size", "8", "--accum-freq", "4", "--siglip")...)
	var a, b struct {
		Loss     float64
		GradNorm float64 `json:"grad_norm"`
	}
	for run, row := range map[string]any{whole: &a, parts: &b} {
		if err := json.Unmarshal(read(t, run, metricsFile), row); err != nil {
			t.Fatal(err)
		}
	}
	if off := a.Loss/b.Loss - 1; off > 1e-5 || off < -1e-5 {
		t.Errorf("loss %g, at once %g", b.Loss, a.Loss)
	}
	if off := a.GradNorm/b.GradNorm - 1; off > 1e-5 || off < -1e-5 {
		t.Errorf("norm of the gradient %g, at once %g", b.GradNorm, a.GradNorm)
	}
	if x, y := biasOf(t, whole), biasOf(t, parts); x != y {
		t.Errorf("logit_bias starts from a batch of other pairs: %g, at once %g", y, x)
	}
}

func TestBatchesThatCannotBeMeantAreRefused(t *testing.T) {
	model := tiny(t)
	for want, c := range map[string]struct {
		code int
		more []string
	}{
		"--accum-freq: accum_freq = 0: want at least 1":                               {exitUsage, []string{"--accum-freq", "0"}},
		"--batch-size must be at least 1, or auto":                                    {exitUsage, []string{"--batch-size", "-3"}},
		"want a whole number or auto":                                                 {exitUsage, []string{"--batch-size", "many"}},
		"--set: micro_batch = -1: want at least 0":                                    {exitUsage, []string{"--set", "micro_batch=-1"}},
		"400 samples are fewer than one batch of 416; lower batch_size or accum_freq": {exitData, []string{"--accum-freq", "26"}},
	} {
		out := filepath.Join(t.TempDir(), "run")
		if r := clipgo(t, tinyRun(model, out, c.more...)...); r.code != c.code || !strings.Contains(r.err, want) || paths.Exists(out) {
			t.Errorf("%v: exit %d, %s", c.more, r.code, r.err)
		}
	}
}

// 400 pairs of a model this small fit anywhere, so that the data decides: a batch leaves steps in an epoch. The bias of the sigmoid
// loss starts from that, and a resumed run keeps the number.
func TestTheBatchIsWhatFits(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	args := tinyRun(tiny(t), out, "--batch-size", "auto", "--steps", "3", "--siglip", "--lr", "0", "--stop-after", "1", "--resume",
		"latest")
	r := must(t, args...)
	if !strings.Contains(r.err, "batch  auto: 64 pairs at once, more would leave few steps in an epoch of 400 pairs; ") ||
		!strings.Contains(r.err, "3 steps of 64 pairs (0.5 epochs)") {
		t.Errorf("the number is not said: %s", r.err)
	}
	if got, want := biasOf(t, out), -math.Log(63); math.Abs(got-want) > 1e-5 {
		t.Errorf("logit_bias starts at %g, want %g", got, want)
	}
	r = must(t, args...)
	if strings.Contains(r.err, "auto") || strings.Contains(r.err, "change") {
		t.Errorf("a resumed run looks for a number again: %s", r.err)
	}
	if c := string(read(t, newest(t, out), pretrained.RunFile)); !strings.Contains(c, `"batch_size": 64,`) {
		t.Errorf("run.json has another number: %s", c)
	}
	accum := filepath.Join(t.TempDir(), "run")
	if r := must(t, tinyRun(tiny(t), accum, "--batch-size", "auto", "--accum-freq", "3", "--steps", "1")...); !strings.Contains(r.err,
		"1 step of 192 pairs, 64 at a time") {
		t.Errorf("with three batches in a step: %s", r.err)
	}
}

// After a step ran out of memory, the next sitting continues with the smaller micro-batch that run.json holds.
func TestASmallerMicroBatchIsKept(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	args := tinyRun(tiny(t), out, "--steps", "4", "--stop-after", "2", "--resume", "latest")
	must(t, args...)
	var settings map[string]any
	if err := json.Unmarshal(read(t, out, pretrained.RunFile), &settings); err != nil {
		t.Fatal(err)
	}
	settings["micro_batch"] = 4
	if err := durable.WriteJSON(filepath.Join(out, pretrained.RunFile), settings); err != nil {
		t.Fatal(err)
	}
	if r := must(t, args...); !strings.Contains(r.err, "4 steps of 16 pairs, 4 at a time") || strings.Contains(r.err, "change") {
		t.Errorf("the next sitting goes on otherwise: %s", r.err)
	}
}

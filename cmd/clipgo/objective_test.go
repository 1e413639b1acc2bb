package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// biasOf is the logit_bias of a run's newest checkpoint.
func biasOf(t *testing.T, run string) float64 {
	t.Helper()
	data, ok := tensorsIn(t, run, pretrained.WeightsFile)["logit_bias"]
	if !ok || len(data) != 4 {
		t.Fatalf("%s has no logit_bias", run)
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32([]byte(data))))
}

// With a rate of 0 the checkpoint has what the run began with.
func TestTheSigmoidLossStartsFromTheBatch(t *testing.T) {
	still := []string{"--steps", "1", "--lr", "0"}
	base := trainedBase(t)
	for _, c := range []struct {
		name, model string
		more        []string
		want        float64
		said        string
	}{
		{"fresh", tiny(t), []string{"--siglip", "--batch-size", "16"}, -math.Log(15), "-2.7081, -ln(16-1) for the batch"},
		{"one pair", tiny(t), []string{"--objective", "siglip", "--batch-size", "1"}, 0, "0.0000, -ln(1-1) for the batch"},
		{"given", tiny(t), []string{"--siglip", "--set", "model_cfg.init_logit_bias=-7"}, -7, "-7, of the config"},
		{"weights without one", base, []string{"--siglip", "--batch-size", "8"}, -math.Log(7), "-1.9459, -ln(8-1) for the batch"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			r := must(t, tinyRun(c.model, out, append(still, c.more...)...)...)
			if got := biasOf(t, out); math.Abs(got-c.want) > 1e-5 {
				t.Errorf("logit_bias starts at %g, want %g", got, c.want)
			}
			if !strings.Contains(r.err, c.said) {
				t.Errorf("%q is not in %s", c.said, r.err)
			}
		})
	}
	t.Run("weights with one", func(t *testing.T) {
		first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
		must(t, tinyRun(tiny(t), first, "--siglip", "--steps", "3", "--lr", "1e-2")...)
		r := must(t, tinyRun(first, second, append(still, "--siglip", "--batch-size", "4")...)...)
		if got, want := biasOf(t, second), biasOf(t, first); got != want {
			t.Errorf("logit_bias starts at %g, want the weights' %g", got, want)
		}
		if !strings.Contains(r.err, "logit_bias of the weights") {
			t.Errorf("it is not said: %s", r.err)
		}
	})
}

func TestObjectivesThatCannotBeMeantAreRefused(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	for want, more := range map[string][]string{
		"--siglip: means objective siglip, but objective is clip":    {"--siglip", "--objective", "clip"},
		"is none of clip, siglip, coca":                              {"--objective", "contrastive"},
		"has no target distribution to smooth":                       {"--siglip", "--label-smoothing", "0.1"},
		"--mlm-weight: -1 is not a number from 0 on":                 {"--mlm-weight", "-1"},
		"--mlm-weight: has no effect while the text tower is locked": {"--mlm-weight", "1", "--lock-text"},
	} {
		r := clipgo(t, tinyRun(model, out, more...)...)
		if r.code != exitUsage || !strings.Contains(r.err, want) {
			t.Errorf("%v: exit %d, %s", more, r.code, r.err)
		}
		if paths.Exists(out) {
			t.Errorf("%v left a run directory", more)
		}
	}
}

// A run with masked words, equal captions and the sigmoid loss, at once and in three sittings: weights, optimizer, head and metrics.
func TestARunWithMaskedWordsResumesExactly(t *testing.T) {
	model := tiny(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	more := []string{"--mlm-weight", "0.5", "--siglip", "--dedup-targets"}
	must(t, tinyRun(model, whole, more...)...)
	must(t, tinyRun(model, parts, append(more, "--stop-after", "11")...)...)
	must(t, "train", "--resume", "latest", "--out", parts, "--stop-after", "9", "--workers", "1")
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	if a, b := read(t, newest(t, parts), headsFile), read(t, newest(t, whole), headsFile); !bytes.Equal(a, b) {
		t.Error("the heads differ")
	}
	var row struct {
		Loss     float64
		Contrast float64 `json:"contrastive_loss"`
		MLM      float64 `json:"mlm_loss"`
		Accuracy float64 `json:"mlm_accuracy"`
	}
	lines := bytes.Split(bytes.TrimSpace(read(t, whole, metricsFile)), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &row); err != nil {
		t.Fatal(err)
	}
	if math.Abs(row.Loss-row.Contrast-0.5*row.MLM) > 1e-9 || row.MLM == 0 {
		t.Errorf("a line of the metrics has %+v", row)
	}
	for want, more := range map[string][]string{
		"--mlm-weight: this run began with 0.5; 0 needs a new run": {"--mlm-weight", "0"},
		"objective: this run began with \"siglip\"":                {"--objective", "clip"},
	} {
		if r := clipgo(t, append([]string{"train", "--resume", "latest", "--out", whole}, more...)...); r.code != exitUsage ||
			!strings.Contains(r.err, want) {
			t.Errorf("%v: exit %d, %s", more, r.code, r.err)
		}
	}
}

// The head is no part of the model: the weights have the names that a run without it has, and convert leaves it behind.
func TestConvertDropsTheHead(t *testing.T) {
	run, plain, out := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "out")
	must(t, tinyRun(tiny(t), run, "--mlm-weight", "1", "--steps", "2")...)
	must(t, tinyRun(tiny(t), plain, "--steps", "2")...)
	names := func(run string) (n int) {
		for range tensorsIn(t, run, pretrained.WeightsFile) {
			n++
		}
		return n
	}
	if names(run) != names(plain) {
		t.Errorf("%d tensors with the head, %d without", names(run), names(plain))
	}
	if r := must(t, "convert", run, out, "--to", "open_clip"); !strings.Contains(r.err, "heads.safetensors is not converted") {
		t.Errorf("it is not said: %s", r.err)
	}
	if paths.Exists(filepath.Join(out, headsFile)) {
		t.Error("convert kept the head")
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
)

func TestBucketedRunsResumeExactly(t *testing.T) {
	model := tiny(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	settings := []string{"--length-bucketing", "--bucket-pool", "96"}
	r := must(t, tinyRun(model, whole, settings...)...)
	if want := "text   batches of similar length, sorted over 96 pairs"; !strings.Contains(r.err, want) {
		t.Errorf("no %q in\n%s", want, r.err)
	}
	must(t, tinyRun(model, parts, append(settings, "--stop-after", "9", "--workers", "1")...)...) // in the middle of a pool
	must(t, "train", "--resume", "latest", "--out", parts, "--workers", "5")
	sameRun(t, parts, whole)
}

func TestBucketsThatSaveNothingAreRefused(t *testing.T) {
	model := tiny(t)
	for want, more := range map[string][]string{
		"--bucket-pool: bucket_pool = 0: want at least 1": {"--bucket-pool", "0"},
		"reads every caption to the end of its":           {"--length-bucketing", "--set", "model_cfg.text_cfg.no_causal_mask=true"},
	} {
		out := filepath.Join(t.TempDir(), "run")
		if r := clipgo(t, tinyRun(model, out, more...)...); r.code != exitUsage || !strings.Contains(r.err, want) || paths.Exists(out) {
			t.Errorf("%v: exit %d, %swant %s", more, r.code, r.err, want)
		}
	}
}

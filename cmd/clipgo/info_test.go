package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestInfoSaysWhatIsMissing(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	if r := must(t, "info", model); !strings.Contains(r.out, "none (config only)") {
		t.Errorf("a config has weights:\n%s", r.out)
	}
	run := filepath.Join(dir, "run")
	must(t, tinyRun(model, run, "--save-frequency", "10", "--steps", "20")...)
	path := filepath.Join(run, checkpointsDir, "step-00000020", weightsFile)
	data := read(t, path)
	data[len(data)/2] ^= 4
	write(t, path, string(data))
	r := must(t, "info", run)
	if !strings.Contains(r.err, "step-00000020") || !strings.Contains(r.out, "10 steps") {
		t.Errorf("what was passed over is not told:\n%s%s", r.out, r.err)
	}
	early := filepath.Join(dir, "early")
	for _, name := range []string{runFile, metricsFile} {
		write(t, filepath.Join(early, name), string(read(t, run, name)))
	}
	if r := clipgo(t, "info", early); r.code != exitModel || !strings.Contains(r.err, "no checkpoint yet") {
		t.Errorf("a run without a checkpoint: exit %d, want 4: %s", r.code, r.err)
	}
}

func TestBenchLeavesOutWhatItDoesNotTell(t *testing.T) {
	model, dir := tiny(t), pairs(t, 9)
	write(t, filepath.Join(dir, "p004.png"), "not a picture")
	r := must(t, "bench", "load", "--model", model, "--data", dir, "--batch-size", "3", "--steps", "3", "--json")
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || string(got["skipped"]) != "1" || got["images_per_second"] == nil || got["workers"] == nil {
		t.Errorf("%s, want images_per_second, workers, and 1 skipped", r.out)
	}
}

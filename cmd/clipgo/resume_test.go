package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/paths"
	"clipgo/pretrained"
	"clipgo/run"
)

// sameRun compares two finished runs: weights and optimizer to the byte, metrics but for times.
func sameRun(t *testing.T, got, want string) {
	t.Helper()
	for _, name := range []string{pretrained.WeightsFile, "optimizer.safetensors"} {
		a, b := read(t, newest(t, got), name), read(t, newest(t, want), name)
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between %s and %s", name, got, want)
		}
	}
	if a, b := untimed(t, got), untimed(t, want); a != b {
		t.Errorf("metrics differ:\n%s\nwant\n%s", a, b)
	}
}

func newest(t *testing.T, run string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(run, pretrained.CheckpointsDir, "step-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%s has no checkpoint (%v)", run, err)
	}
	return dirs[len(dirs)-1]
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// untimed is a run's metrics without the fields that a clock decides.
func untimed(t *testing.T, run string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(string(read(t, run, metricsFile))) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v in %q", run, err, line)
		}
		delete(row, "pairs_per_second")
		delete(row, "data_wait_fraction")
		data, _ := json.Marshal(row)
		out.Write(append(data, '\n'))
	}
	return out.String()
}

func TestResumeContinuesExactly(t *testing.T) {
	model := tiny(t)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	must(t, tinyRun(model, whole)...)
	must(t, tinyRun(model, parts, "--stop-after", "20", "--workers", "1")...)
	r := must(t, "train", "--resume", "latest", "--out", parts, "--workers", "5", "--json")
	if got := decodeJSON[struct{ Step, Samples int }](t, r); got.Step != 40 || got.Samples != 640 {
		t.Errorf("ended at %+v, want step 40 and 640 samples", got)
	}
	sameRun(t, parts, whole)
}

func TestMuonResumesExactly(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	whole, parts, adamw := filepath.Join(dir, "whole"), filepath.Join(dir, "parts"), filepath.Join(dir, "adamw")
	must(t, tinyRun(model, adamw, "--steps", "6")...)
	must(t, tinyRun(model, whole, "--steps", "6", "--opt", "muon")...)
	must(t, tinyRun(model, parts, "--steps", "6", "--opt", "muon", "--stop-after", "3")...)
	must(t, "train", "--resume", "latest", "--out", parts)
	sameRun(t, parts, whole)
	if bytes.Equal(read(t, newest(t, whole), pretrained.WeightsFile), read(t, newest(t, adamw), pretrained.WeightsFile)) {
		t.Error("muon makes the steps of adamw")
	}
	if r := clipgo(t, tinyRun(model, filepath.Join(dir, "new"), "--opt", "sgd")...); r.code != exitUsage ||
		!strings.Contains(r.err, `"sgd" is neither adamw nor muon`) || strings.Count(r.err, "\n") != 1 {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

// TestKilledRunsLoseNothing kills a training at random times, again and again, and resumes it each time.
func TestKilledRunsLoseNothing(t *testing.T) {
	model := tiny(t)
	whole, killed := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	settings := []string{"--save-frequency", "7", "--keep", "2", "--steps", "120", "--eval", "zeroshot@20=s=builtin:shapes?split=val&n=20",
		"--keep-best", "s/acc5"}
	must(t, tinyRun(model, whole, settings...)...)
	random := rand.New(rand.NewPCG(1, 2))
	const kills = 20
	longest := 1500 * time.Millisecond
	for n := range kills {
		c := process(t, tinyRun(model, killed, append(settings, "--resume", "latest")...)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("sitting %d: %v", n, err)
			}
			longest = longest / 2 // this machine is fast: kill earlier, and let it train once more from the start
			if err := os.RemoveAll(killed); err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Duration(random.Int64N(int64(longest)))):
			_ = c.Process.Kill()
			<-done                  //nolint:errcheck // it was killed
			longest += longest / 20 // so that a slow machine gets through as well
		}
	}
	must(t, tinyRun(model, killed, append(settings, "--resume", "latest")...)...)
	sameRun(t, killed, whole)
	for _, name := range []string{run.EvaluationsFile, pretrained.BestFile, filepath.Join(pretrained.BestLink, pretrained.WeightsFile)} {
		if !bytes.Equal(read(t, killed, name), read(t, whole, name)) {
			t.Errorf("%s differs:\n%s\nwant\n%s", name, read(t, killed, name), read(t, whole, name))
		}
	}
}

func TestInterruptSavesAndExits130(t *testing.T) {
	model := tiny(t)
	whole, stopped := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	must(t, tinyRun(model, whole, "--steps", "600")...)
	var said string
	for code, try := 0, 1; code != 130; try++ {
		var err error
		if code, said = interrupted(t, tinyRun(model, stopped, "--steps", "600"), stopped); code == 0 { // done before the signal came
			err = os.RemoveAll(stopped)
		}
		if err != nil || code != 0 && code != 130 || code == 0 && try == 5 {
			t.Fatalf("exit %d, want 130: %s, %v", code, said, err)
		}
	}
	if hint := ", checkpoint saved. Resume with: clipgo train --resume latest --out " + stopped + "\n"; !strings.HasSuffix(said, hint) {
		t.Errorf("the last line lacks how to resume: %s", said)
	}
	must(t, "train", "--resume", "latest", "--out", stopped)
	sameRun(t, stopped, whole)
}

// interrupted starts a training, interrupts it once it has logged a step, and returns its exit code and what it said.
func interrupted(t *testing.T, args []string, out string) (code int, said string) {
	t.Helper()
	c, done := process(t, args...), make(chan struct{})
	var text bytes.Buffer
	c.Stderr = &text
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		_ = c.Wait()
	}()
	waitFor(t, func() bool {
		return ended(done) || paths.Exists(filepath.Join(out, metricsFile)) && len(untimed(t, out)) > 0
	})
	_ = c.Process.Signal(syscall.SIGINT)
	<-done
	return c.ProcessState.ExitCode(), text.String()
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("waited five minutes in vain")
}

package main

import (
	"bufio"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// checkpointNames lists a run's checkpoints.
func checkpointNames(t *testing.T, run string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(run, pretrained.CheckpointsDir, "step-*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range dirs {
		names = append(names, strings.TrimLeft(strings.TrimPrefix(filepath.Base(d), "step-"), "0"))
	}
	return strings.Join(names, " ")
}

// TestATerminalThatGoesAwaySaves hangs up, and closes stderr's reader and goes on for a while.
func TestATerminalThatGoesAwaySaves(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	c := process(t, tinyRun(model, out, "--steps", "100000", "--set", "log_frequency=1")...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stderr).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := stderr.Close(); err != nil {
		t.Fatal(err)
	}
	lines := func() int {
		data, _ := os.ReadFile(filepath.Join(out, metricsFile))
		return strings.Count(string(data), "\n")
	}
	waitFor(t, func() bool { return lines() > 20 || c.ProcessState != nil })
	hangup := syscall.SIGHUP
	if signal.Ignored(hangup) { // the tests run under nohup, and so does the command
		hangup = syscall.SIGTERM
	}
	_ = c.Process.Signal(hangup)
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); code != 143 {
		t.Errorf("exit %d (%v), want 143", code, c.ProcessState)
	}
	if checkpointNames(t, out) == "" {
		t.Error("nothing was saved")
	}
}

// TestAHangupIsIgnoredWhereItWas starts a command as nohup does.
func TestAHangupIsIgnoredWhereItWas(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	c := process(t)
	exe := c.Path
	c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, exe}, tinyRun(model, out, "--steps", "300")...)
	c.Stderr = io.Discard
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return paths.Exists(filepath.Join(out, metricsFile)) })
	_ = c.Process.Signal(syscall.SIGHUP)
	if err := c.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestResumingFromAPathKeepsLaterCheckpoints continues from another run's checkpoint, and from an earlier one of the run.
func TestResumingFromAPathKeepsLaterCheckpoints(t *testing.T) {
	model, dir := tiny(t), t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	must(t, tinyRun(model, a, "--save-frequency", "10", "--keep", "3", "--steps", "30")...)
	must(t, tinyRun(model, b, "--save-frequency", "5", "--keep", "9", "--steps", "30", "--stop-after", "10")...)
	of := func(run, step string) string {
		return filepath.Join(run, pretrained.CheckpointsDir, "step-000000"+step)
	}
	before := checkpointNames(t, a)
	for _, path := range []string{of(b, "10"), of(b, "05"), of(a, "10")} {
		r := clipgo(t, "train", "--resume", path, "--out", a)
		if r.code != exitUsage || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "discard_later") {
			t.Errorf("%s: exit %d: %s", path, r.code, r.err)
		}
		if now := checkpointNames(t, a); now != before {
			t.Fatalf("%s: left %s of %s", path, now, before)
		}
	}
	must(t, "train", "--resume", of(b, "05"), "--out", a, "--discard-later", "--stop-after", "1")
	if got := checkpointNames(t, a); got != "5 6" {
		t.Errorf("continued from step 5: %s", got)
	}
}

// TestALaterNameIsNoLaterCheckpoint has a copy of a checkpoint under a later step's name.
func TestALaterNameIsNoLaterCheckpoint(t *testing.T) {
	model, out := tiny(t), filepath.Join(t.TempDir(), "run")
	must(t, tinyRun(model, out, "--save-frequency", "10", "--steps", "20")...)
	at := filepath.Join(out, pretrained.CheckpointsDir)
	if err := os.CopyFS(filepath.Join(at, "step-00000999"), os.DirFS(filepath.Join(at, "step-00000010"))); err != nil {
		t.Fatal(err)
	}
	if r := clipgo(t, "train", "--resume", filepath.Join(at, "step-00000999"), "--out", out); r.code != exitModel ||
		!strings.Contains(r.err, "name says step 999") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	r := must(t, "train", "--resume", "latest", "--out", out, "--steps", "21")
	if !strings.Contains(r.err, "step-00000020, at step 20") {
		t.Errorf("continued from elsewhere:\n%s", r.err)
	}
}

// TestWeightsThatAreNotFiniteEndTheRun trains at a rate that overflows in the update.
func TestWeightsThatAreNotFiniteEndTheRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	model := tiny(t)
	r := clipgo(t, tinyRun(model, out, "--save-frequency", "1", "--keep", "9", "--lr", "1e38", "--val-frequency", "1")...)
	if r.code != exitFailed || !strings.Contains(r.err, "a lower learning rate") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
	if names := checkpointNames(t, out); names != "" {
		must(t, "zeroshot", "--model", out, "builtin:shapes?split=val&n=20")
	}
}

// TestAStartWithoutAStepBlocksNothing corrects a command line whose first batch had too many unusable samples.
func TestAStartWithoutAStepBlocksNothing(t *testing.T) {
	model, dir, out := tiny(t), pairs(t, 9), filepath.Join(t.TempDir(), "run")
	write(t, filepath.Join(dir, "p003.png"), "this is a text")
	args := []string{"train", "--train-data", dir, "--model", model, "--out", out, "--batch-size", "9", "--epochs", "1", "--precision",
		"fp32"}
	if r := clipgo(t, append(args, "--max-skip", "0")...); r.code != exitData {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	must(t, append(args, "--max-skip", "0.5")...)
	if n := len(skipped(t, out)); n != 1 {
		t.Errorf("%d lines in the ledger for one bad sample", n)
	}
	if r := clipgo(t, append(args, "--max-skip", "0.5")...); r.code != exitUsage {
		t.Errorf("a run that has made a step: exit %d: %s", r.code, r.err)
	}
}

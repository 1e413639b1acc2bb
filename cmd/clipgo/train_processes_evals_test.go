package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/torch/torchtest"
)

// described is a folder of pictures with two captions each, of which one picture is broken: the batch of 64 that holds it is embedded by
// the last of two processes.
func described(t *testing.T, n, broken int) string {
	t.Helper()
	dir := pairs(t, n)
	for i := range n {
		write(t, filepath.Join(dir, fmt.Sprintf("p%03d.txt", i)), fmt.Sprintf("a picture of number %d\nand %d of %d", i, i*i, n))
	}
	if err := os.Truncate(filepath.Join(dir, fmt.Sprintf("p%03d.png", broken)), 40); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lastEvaluation is the last line of a run's evaluations.
func lastEvaluation(t *testing.T, out string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(read(t, out, "evaluations.jsonl"))), "\n")
	return lines[len(lines)-1]
}

// TestProcessesEvaluateAsOne: what two processes have measured together is, to the byte, what one process measures of their checkpoint. The
// broken picture is in the share of the second one.
func TestProcessesEvaluateAsOne(t *testing.T) {
	torchtest.NeedProcesses(t)
	data, dir := described(t, 200, 150), t.TempDir()
	for name, args := range map[string][]string{
		"clip": {"--model", tiny(t), "--ema-decay", "0.5", "--mlm-weight", "0.1", "--eval", "masked-words=words=" + data},
		"coca": {"--model", tinyCaptioner(t), "--objective", "coca", "--eval", "perplexity=text=" + data},
	} {
		out := filepath.Join(dir, name)
		args = append(args, "--train-data", "builtin:shapes?n=96", "--val-data", data, "--steps", "2", "--precision", "fp32",
			"--batch-size", "8", "--eval", "zeroshot=s=builtin:shapes?split=val&n=130",
			"--eval", "retrieval=r="+data, "--out", out)
		all := ranks(t, 2, nil, args...)
		ends(t, all, 0, 0)
		together := lastEvaluation(t, out)
		t.Log(together)
		if err := os.Remove(filepath.Join(out, "evaluations.jsonl")); err != nil {
			t.Fatal(err)
		}
		r := must(t, "train", "--resume", "latest", "--batch-size", "16", "--threads", "1", "--out", out)
		if alone := lastEvaluation(t, out); alone != together {
			t.Errorf("%s: two processes measured\n%s\none measures\n%s", name, together, alone)
		}
		for _, said := range []string{all[0].err.String(), r.err} {
			if strings.Count(said, "an evaluation can't be used") != 2 || strings.Count(said, "samples=1\n") != 2 || // of two data sets
				strings.Contains(said, "an evaluation failed") {
				t.Errorf("%s: the broken picture is not counted once\n%s", name, said)
			}
		}
		if log := string(read(t, out, "log-1.txt")); !strings.Contains(log, "embeds a share of the evaluations") {
			t.Errorf("%s: process 1 had no share\n%s", name, log)
		}
	}
}

// TestASignalOrAKillEndsADividedEvaluation: in the middle of an evaluation that takes minutes, a signal to one process ends both with a
// checkpoint, and a killed process ends the other with a line that names it.
func TestASignalOrAKillEndsADividedEvaluation(t *testing.T) {
	torchtest.NeedProcesses(t)
	model := tiny(t)
	for _, c := range []struct {
		to     int
		signal syscall.Signal
		codes  []int
	}{{0, syscall.SIGINT, []int{130, 130}}, {1, syscall.SIGTERM, []int{143, 143}}, {1, syscall.SIGKILL, []int{1, -1}}} {
		out := filepath.Join(t.TempDir(), "run")
		args := []string{"--model", model, "--train-data", "builtin:shapes?n=96", "--steps", "4", "--precision", "fp32",
			"--batch-size", "8", "--out", out}
		all := ranks(t, 2, nil, append(args, "--val-data", "builtin:shapes?n=200000&split=val", "--val-frequency", "1")...)
		awaits(t, filepath.Join(out, "log-1.txt"), "embeds a share of the evaluations")
		if err := all[c.to].Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ends(t, all, c.codes...)
		if took := time.Since(begun); took > time.Minute { // the deadline of the group, where the evaluation takes minutes
			t.Errorf("%v to process %d: they ended after %v", c.signal, c.to, took)
		}
		said := strings.TrimSpace(all[0].err.String())
		last := said[strings.LastIndex(said, "\n")+1:]
		if !strings.HasPrefix(last, "clipgo: ") || c.signal == syscall.SIGKILL && !strings.Contains(last, "rank 1") {
			t.Errorf("%v to process %d: %s", c.signal, c.to, said)
		}
		if at := lastStep(t, out); at != 1 {
			t.Errorf("%v to process %d: the newest checkpoint is of step %d, want 1\n%s", c.signal, c.to, at, said)
		}
	}
}

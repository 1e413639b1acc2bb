package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/paths"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// TestPlacesThatCannotBe: a variable that is missing or wrong is named at once.
func TestPlacesThatCannotBe(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for want, set := range map[string]string{
		"WORLD_SIZE is set, but RANK is not": "WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500",
		"RANK is set, but WORLD_SIZE is not": "RANK=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500",
		"RANK is 2, but WORLD_SIZE is 2":     "RANK=2 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500",
		"MASTER_PORT is not":                 "RANK=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1",
		"MASTER_ADDR is not":                 "RANK=1 WORLD_SIZE=2 MASTER_PORT=29500",
	} {
		c := process(t, tinyRun(tiny(t), out)...)
		c.Env = append(c.Env, strings.Fields(set)...)
		said, _ := c.CombinedOutput()
		if c.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(said), want) || strings.Count(string(said), "\n") != 1 {
			t.Errorf("%s: exit %d, %s", set, c.ProcessState.ExitCode(), said)
		}
	}
	if paths.Exists(out) {
		t.Error("a run directory was made")
	}
}

// broken are pairs of which some pictures can't be read.
func broken(t *testing.T, n int, which ...int) string {
	t.Helper()
	dir := pairs(t, n)
	for _, i := range which {
		write(t, filepath.Join(dir, fmt.Sprintf("p%03d.png", i)), "no picture")
	}
	return dir
}

// small is a training without evaluations, for ranks or alone.
func small(model, data, out string, more ...string) []string {
	return append([]string{"--model", model, "--train-data", data, "--out", out, "--log-frequency", "1", "--precision", "fp32",
		"--val-frequency", "0", "--zeroshot-frequency", "0"}, more...)
}

// oneLineEach wants exactly one line of each process, with a text in it.
func oneLineEach(t *testing.T, all []*rank, want string) {
	t.Helper()
	for i, r := range all {
		if said := r.err.String(); !strings.Contains(said, want) || strings.Count(said, "\n") != 1 {
			t.Errorf("process %d says\n%s", i, said)
		}
	}
}

// TestTwoProcessesOfOneRank: all three of them say which rank is there twice.
func TestTwoProcessesOfOneRank(t *testing.T) {
	torchtest.NeedProcesses(t)
	out := filepath.Join(t.TempDir(), "run")
	all := ranksWith(t, 3, func(i int, r *rank) {
		if i == 2 {
			r.Env = append(r.Env, "RANK=1")
		}
	}, nil, small(tiny(t), "builtin:shapes?n=96", out, "--batch-size", "8", "--steps", "2")...)
	ends(t, all, exitUsage, exitUsage, exitUsage)
	oneLineEach(t, all, "two processes have rank 1 of 3")
}

// TestProcessesNeedTheSameData: one path that leads to other files in another process.
func TestProcessesNeedTheSameData(t *testing.T) {
	torchtest.NeedProcesses(t)
	out, folders := filepath.Join(t.TempDir(), "run"), []string{pairs(t, 32), pairs(t, 33)}
	all := ranksWith(t, 2, func(i int, r *rank) { r.Dir = folders[i] }, nil,
		small(tiny(t), ".", out, "--batch-size", "8", "--steps", "2")...)
	ends(t, all, exitUsage, exitUsage)
	oneLineEach(t, all, "--train-data: process 1 has other samples than process 0")
}

// TestSkipsOfAllProcessesCount: what can't be read is counted over all processes, and ends them together.
func TestSkipsOfAllProcessesCount(t *testing.T) {
	torchtest.NeedProcesses(t)
	model, data, dir := tiny(t), broken(t, 40, 3, 11, 12, 30), t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	enough := []string{"--steps", "5", "--max-skip", "0.1"}
	must(t, append([]string{"train"}, small(model, data, one, append(enough, "--batch-size", "8")...)...)...)
	ends(t, ranks(t, 2, nil, small(model, data, two, append(enough, "--batch-size", "4")...)...), 0, 0)
	want, got := string(read(t, one, "skipped.jsonl")), string(read(t, two, "skipped.jsonl"))
	if got != want || strings.Count(got, "\n") != 4 {
		t.Errorf("two processes skip\n%s, one\n%s", got, want)
	}
	third := filepath.Join(dir, "three")
	few := []string{"--steps", "5", "--max-skip", "0.075", "--batch-size", "4"} // the look before the first step finds 3
	all := ranks(t, 2, nil, small(model, data, third, few...)...)
	ends(t, all, exitData, exitData)
	const limit = "4 of 40 samples can't be used, more than 7.5 %"
	for i, r := range all {
		lines := strings.Split(strings.TrimSpace(r.err.String()), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, limit) || i > 0 && len(lines) > 1 {
			t.Errorf("process %d says\n%s", i, &r.err)
		}
	}
}

// TestPatienceEndsAllProcesses: at the step at which it ends one process.
func TestPatienceEndsAllProcesses(t *testing.T) {
	torchtest.NeedProcesses(t)
	model, dir := tiny(t), t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	args := func(out, batch string) []string {
		return small(model, "builtin:shapes?n=96", out, "--val-frequency", "1", "--patience", "2:image_retrieval_recall@1",
			"--min-delta", "9", "--steps", "20", "--batch-size", batch)
	}
	must(t, append([]string{"train"}, args(one, "16")...)...)
	all := ranks(t, 2, nil, args(two, "8")...)
	ends(t, all, 0, 0)
	want, got := metricRows(t, one), metricRows(t, two)
	if len(want) != 3 || len(got) != 3 || !strings.Contains(all[0].err.String(), "patience: ") || all[1].err.Len() > 0 {
		t.Errorf("%d steps, of one process %d\n%s\n%s", len(got), len(want), &all[0].err, &all[1].err)
	}
	ends(t, ranks(t, 2, nil, "--resume", "latest", "--out", two), 0, 0) // has nothing to do
	if again := metricRows(t, two); len(again) != 3 {
		t.Errorf("%d steps after another sitting", len(again))
	}
}

// TestAFullDiskEndsAllProcesses: the others learn from process 0 why, and go on from the checkpoint before.
func TestAFullDiskEndsAllProcesses(t *testing.T) {
	torchtest.NeedProcesses(t)
	disk := filepath.Join(t.TempDir(), "disk")
	unmount := mount(t, disk, "50m") // a checkpoint is 20 MB
	defer unmount()
	out := filepath.Join(disk, "run")
	args := small(tiny(t), "builtin:shapes?n=96", out, "--batch-size", "8", "--steps", "9", "--save-frequency", "3", "--resume", "latest")
	ends(t, ranks(t, 2, nil, append(args, "--stop-after", "3")...), 0, 0)
	filler := write(t, filepath.Join(disk, "filler"), strings.Repeat("x", 15<<20))
	all := ranks(t, 2, nil, args...)
	ends(t, all, exitFailed, exitFailed)
	if said := all[1].err.String(); !strings.Contains(all[0].err.String(), "no space left") || strings.Count(said, "\n") != 1 ||
		!strings.Contains(said, "process 0 has failed") || !strings.Contains(said, "no space left") {
		t.Errorf("process 0 says\n%s\nprocess 1 says\n%s", &all[0].err, said)
	}
	if at := lastStep(t, out); at != 3 {
		t.Errorf("the newest checkpoint is of step %d", at)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	ends(t, ranks(t, 2, nil, append(args, "--keep", "1")...), 0, 0)
	if rows := metricRows(t, out); len(rows) != 9 {
		t.Errorf("%d steps", len(rows))
	}
}

// TestAutomaticBatchesAreAgreed: the processes take one size, and share the memory of the machine.
func TestAutomaticBatchesAreAgreed(t *testing.T) {
	torchtest.NeedProcesses(t)
	out := filepath.Join(t.TempDir(), "run")
	all := ranks(t, 2, nil, small(tiny(t), "builtin:shapes?n=96", out, "--batch-size", "auto", "--steps", "2")...)
	ends(t, all, 0, 0)
	var kept struct {
		BatchSize int `json:"batch_size"`
	}
	if err := json.Unmarshal(read(t, out, pretrained.RunFile), &kept); err != nil || kept.BatchSize != 32 {
		t.Errorf("%d pairs are kept, %v", kept.BatchSize, err)
	}
	said := all[0].err.String() + all[0].out.String()
	if !strings.Contains(said, "for each of the 2 processes of this machine") || all[1].err.Len() > 0 {
		t.Errorf("said\n%s\n%s", said, &all[1].err)
	}
	if rows := metricRows(t, out); len(rows) != 2 || rows[1].Samples != 2*2*32 {
		t.Errorf("%+v", rows)
	}
}

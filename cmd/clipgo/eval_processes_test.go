package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/torch/torchtest"
)

// TestProcessesMeasureAsOne: the results of two processes are those of one. Process 0 alone prints, and names the broken picture, which
// is in the share of the second one.
func TestProcessesMeasureAsOne(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, data := trained(t), described(t, 200, 150)
	for _, args := range [][]string{
		{"retrieval", data}, {"anatomy", data}, {"zeroshot", "builtin:shapes?split=val&n=200"},
		{"robustness", "builtin:shapes?split=val&n=200", "builtin:shapes?n=150"},
	} {
		command := append([]string{"eval", args[0], "--model", run, "--json", "--threads", "1"}, args[1:]...)
		all := processes(t, 2, func(int, *rank) {}, nil, command...)
		ends(t, all, 0, 0)
		alone := must(t, command...)
		if got, want := measuredIn(result{out: all[0].out.String()}), measuredIn(alone); got != want || got == "" {
			t.Errorf("%s: two processes measure\n%s\none measures\n%s", args[0], got, want)
		}
		said, quiet := all[0].err.String(), all[1].out.Len()+all[1].err.Len() == 0
		if strings.Count(said, "p150.png") != strings.Count(alone.err, "p150.png") || !quiet {
			t.Errorf("%s: process 0 says\n%s\nprocess 1 says\n%s%s", args[0], said, &all[1].out, &all[1].err)
		}
	}
}

// awaits waits until a file has a text.
func awaits(t *testing.T, path, text string) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), text) {
			return
		}
	}
	t.Fatalf("%s: no %s", path, text)
}

// withoutTimes is the JSON of each cell of a benchmark without how long it took.
func withoutTimes(t *testing.T, out string) (cells []any) {
	t.Helper()
	for line := range strings.Lines(out) {
		var cell map[string]any
		if err := json.Unmarshal([]byte(line), &cell); err != nil {
			t.Fatal(err)
		}
		delete(cell, "seconds")
		cells = append(cells, cell)
	}
	return cells
}

// TestProcessesMakeABenchmark: two models on three data sets, of which one can't be read. That costs its own results, and all
// others are those of one process.
func TestProcessesMakeABenchmark(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, other, data, dir := trained(t), tiny(t), described(t, 200, 150), t.TempDir()
	none := filepath.Join(dir, "none.csv")
	write(t, none, "filepath,title\nmissing.png,a picture that is missing\n")
	command := func(out string) []string {
		return []string{"eval", "benchmark", "--models", run + "," + other, "--data", "A=builtin:shapes?split=val&n=200,B=" + data + ",C=" +
			none, "--json", "--threads", "1", "--out", filepath.Join(dir, out)}
	}
	all := processes(t, 2, func(int, *rank) {}, nil, command("two")...)
	alone := clipgo(t, command("one")...)
	ends(t, all, alone.code, alone.code)
	if got, want := withoutTimes(t, all[0].out.String()), withoutTimes(t, alone.out); !reflect.DeepEqual(got, want) || len(got) < 4 {
		t.Errorf("two processes measure\n%v\none measures\n%v\n%s", got, want, alone.err)
	}
	if all[1].out.Len() > 0 {
		t.Errorf("process 1 prints\n%s", &all[1].out)
	}
}

// TestOtherDataIsRefused: the second process takes part. Where it has other pictures of the same name, both say so, for each command.
func TestOtherDataIsRefused(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, dirs := trained(t), [2]string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		if err := os.Rename(described(t, 130+i, 5), filepath.Join(dir, "photos")); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{{"embed", "--index", "index"}, {"eval", "retrieval"}} {
		command = append(command, "--model", run, "--threads", "1", "photos")
		all := processes(t, 2, func(i int, r *rank) { r.Dir = dirs[i] }, nil, command...)
		ends(t, all, exitData, exitData)
		for i, r := range all {
			if said := r.err.String(); !strings.Contains(said, "it has 131 samples here and 130 in process 0") {
				t.Errorf("%s: process %d says\n%s", command[0], i, said)
			}
		}
	}
}

// A signal to process 1 ends a measurement with its code; where process 1 is killed, process 0 names it.
func TestASignalOrAKillEndsAMeasurement(t *testing.T) {
	torchtest.NeedProcesses(t)
	run := trained(t)
	for signal, codes := range map[syscall.Signal][]int{syscall.SIGINT: {130, 130}, syscall.SIGKILL: {1, -1}} {
		begun := filepath.Join(t.TempDir(), "log")
		f, err := os.Create(begun)
		if err != nil {
			t.Fatal(err)
		}
		all := processes(t, 2, func(i int, r *rank) {
			if i == 0 {
				r.Stderr = f
			}
		}, nil, "eval", "zeroshot", "--model", run, "--threads", "1", "builtin:shapes?n=200000")
		awaits(t, begun, "divided among processes")
		if err := all[1].Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		ends(t, all, codes...)
		said := strings.TrimSpace(string(read(t, begun)))
		last := said[strings.LastIndex(said, "\n")+1:]
		if !strings.HasPrefix(last, "clipgo: ") || signal == syscall.SIGKILL && !strings.Contains(last, "rank 1") {
			t.Errorf("%v: %s", signal, said)
		}
		_ = f.Close()
	}
}

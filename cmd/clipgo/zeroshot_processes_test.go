package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/torch/torchtest"
)

// TestProcessesClassifyAsOne: two processes print what one prints, in the same order, and process 0 alone prints. Pictures that can't be
// used are in the shares of both: some at the start of a batch, and a whole batch.
func TestProcessesClassifyAsOne(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, data := trained(t), described(t, 200, 150)
	for i := range 200 {
		if i == 16 || i == 20 || i >= 160 && i < 176 {
			if err := os.Truncate(filepath.Join(data, fmt.Sprintf("p%03d.png", i)), 40); err != nil {
				t.Fatal(err)
			}
		}
	}
	common := []string{"zeroshot", "--model", run, "--threads", "1", "--batch-size", "16", "--max-skip", "1"}
	for _, args := range [][]string{
		{data, "--classes", "a red circle,a blue square,something else", "--json"},
		{data, "--classes", "a red circle,a blue square,something else"},
		{"builtin:shapes?split=val&n=200", "--per-class", "--json"},
		{"builtin:shapes?split=val&n=200"},
	} {
		command := append(common[:len(common):len(common)], args...)
		all := processes(t, 2, func(int, *rank) {}, nil, command...)
		ends(t, all, 0, 0)
		alone := must(t, command...)
		if got := all[0].out.String(); got != alone.out || got == "" {
			t.Errorf("%q: two processes print\n%s\none prints\n%s", args, got, alone.out)
		}
		if got, want := strings.Count(all[0].err.String(), ".png"), strings.Count(alone.err, ".png"); got != want {
			t.Errorf("%q: two processes name %d pictures, one names %d:\n%s", args, got, want, &all[0].err)
		}
		if all[1].out.Len()+all[1].err.Len() > 0 {
			t.Errorf("%q: process 1 says\n%s%s", args, &all[1].out, &all[1].err)
		}
	}
}

// A share of which nothing can be used, too many pictures that can't be used, and data without classes end both processes as one.
func TestWhatProcessesCannotClassify(t *testing.T) {
	torchtest.NeedProcesses(t)
	run, data := trained(t), described(t, 128, 5)
	for i := 64; i < 128; i++ {
		if err := os.Truncate(filepath.Join(data, fmt.Sprintf("p%03d.png", i)), 40); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{data, "--classes", "a,b", "--json"}, {data}, {data, "--classes", filepath.Join(data, "none.txt")}} {
		command := append([]string{"zeroshot", "--model", run, "--threads", "1"}, args...)
		all := processes(t, 2, func(int, *rank) {}, nil, command...)
		alone := clipgo(t, command...)
		ends(t, all, alone.code, alone.code)
		last := func(said string) string {
			said = strings.TrimSpace(said)
			return said[strings.LastIndex(said, "\n")+1:]
		}
		if got, want := last(all[0].err.String()), last(alone.err); alone.code == 0 || got != want || all[0].out.String() != alone.out {
			t.Errorf("%q: two processes end with\n%s\none ends with\n%s", args, got, want)
		}
	}
}

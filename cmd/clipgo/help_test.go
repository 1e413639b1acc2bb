package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/cli"

	"github.com/spf13/cobra"
)

var updateHelp = flag.Bool("update-help", false, "write testdata/help.txt anew")

// TestHelpIsAsRecorded compares the --help of every command with testdata/help.txt, so that no flag, default or text changes
// unnoticed. After a change that is meant: go test ./cmd/clipgo -run TestHelpIsAsRecorded -args -update-help
func TestHelpIsAsRecorded(t *testing.T) {
	path := filepath.Join("testdata", "help.txt")
	got := allHelp(t)
	if *updateHelp {
		write(t, path, got)
		return
	}
	recorded, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(recorded), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(want) || line != want[i] {
			t.Fatalf("%s:%d: --help prints another line:\n%s", path, i+1, line)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != len(want) {
		t.Errorf("%s has %d lines, --help prints %d", path, len(want), n)
	}
}

// allHelp is the help of every command, one after the other.
func allHelp(t *testing.T) string {
	var b strings.Builder
	var each func(c *cobra.Command, path []string)
	each = func(c *cobra.Command, path []string) {
		b.WriteString("==== clipgo " + strings.Join(path, " ") + "\n" + must(t, append(path, "--help")...).out)
		if c.HasParent() && cli.CommonFlags[c.CommandPath()] != nil {
			b.WriteString("==== clipgo " + strings.Join(path, " ") + " --help-all\n" + must(t, append(path, "--help-all")...).out)
		}
		for _, sub := range c.Commands() {
			if path := append(path[:len(path):len(path)], sub.Name()); sub.Name() != "help" {
				each(sub, path)
			}
		}
	}
	each(newRoot(streams{}), nil)
	return b.String()
}

// Each flag of a command with a short help is in a group, and those of the short help exist.
func TestFlagsAreInGroups(t *testing.T) {
	for path, common := range cli.CommonFlags {
		c, _, err := newRoot(streams{}).Find(strings.Fields(path)[1:])
		if err != nil {
			t.Fatal(err)
		}
		groups, left := cli.Groups(c, true)
		if left > 0 || groups[0].Title == "Flags" {
			t.Errorf("%s: %d flags are missing; in no group of internal/cli/help_groups.go:\n%s", path, left, groups[0].Flags.FlagUsages())
		}
		for _, name := range common {
			if c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s has no --%s", path, name)
			}
		}
	}
}

func TestHelpIsGroupedAndShort(t *testing.T) {
	short, all := must(t, "train", "--help").out, must(t, "train", "--help-all").out
	if !strings.Contains(short, "clipgo train --help-all") || strings.Contains(short, "--beta1") {
		t.Errorf("--help is not the short one:\n%s", short)
	}
	if !strings.Contains(all, "--beta1") || strings.Contains(all, "more flags") {
		t.Errorf("--help-all lacks flags:\n%s", all)
	}
	at := -1
	for _, title := range []string{"Data:", "Model:", "Loss:", "Optimizer:", "Schedule:", "Checkpoints:", "Evaluation:", "Machine:"} {
		next := strings.Index(all, "\n"+title+"\n")
		if next <= at {
			t.Errorf("%s is not in its place", title)
		}
		at = next
	}
	if r := must(t, "zeroshot", "--help-all"); r.out != must(t, "zeroshot", "--help").out {
		t.Error("a command with few flags has two helps")
	}
}

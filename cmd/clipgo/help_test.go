package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		for _, sub := range c.Commands() {
			if path := append(path[:len(path):len(path)], sub.Name()); sub.Name() != "help" {
				each(sub, path)
			}
		}
	}
	each(newRoot(streams{}), nil)
	return b.String()
}

package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestLaunchersStartEmbedAndEval: two processes of each launcher write the index and the result of one process, to the byte.
func TestLaunchersStartEmbedAndEval(t *testing.T) {
	run, dir := trained(t), t.TempDir()
	embed := func(index string) []string {
		return []string{"embed", "--threads", "1", "--workers", "1", "--model", run, "builtin:shapes?n=150", "--index",
			filepath.Join(dir, index)}
	}
	measure := func(out string) []string {
		return []string{"eval", "zeroshot", "--threads", "1", "--workers", "1", "--model", run, "builtin:shapes?split=val&n=150", "--out",
			filepath.Join(dir, out)}
	}
	must(t, embed("one")...)
	must(t, measure("one.json")...)
	for name := range launchers {
		t.Run(name, func(t *testing.T) {
			index, result := "index-"+name, name+".json"
			for _, command := range [][]string{embed(index), measure(result)} {
				text, err := launchedCommand(t, name, nil, command...).CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", command[0], err, text)
				}
				if said := string(text); strings.Count(said, "divided among processes") != 1 || !strings.Contains(said, "processes=2") {
					t.Errorf("%s: want one line that says that two processes divide the work:\n%s", command[0], said)
				}
			}
			sameIndex(t, filepath.Join(dir, "one"), filepath.Join(dir, index))
			if !bytes.Equal(read(t, dir, "one.json"), read(t, dir, result)) {
				t.Errorf("%s and one.json differ", result)
			}
		})
	}
}

package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/curation"
	"clipgo/search/ingest"
)

// TestWhatDedupDropsIsLeftOut makes an index of pictures with two equal ones, and gives the list of dedup to embed.
func TestWhatDedupDropsIsLeftOut(t *testing.T) {
	model, pictures, index := indexOf(t)
	picture(t, filepath.Join(pictures, "z.png"), color.NRGBA{0, 99, 20, 255}) // as a.png
	embedded(t, "--model", model, pictures, "--index", index)
	for _, name := range []string{"keep.csv", "keep.jsonl", "keep.txt"} {
		list := filepath.Join(t.TempDir(), name)
		must(t, "dedup", "--index", index, "--threshold", "0.999999", "--out", list)
		fresh := filepath.Join(t.TempDir(), "index")
		if got := embedded(t, "--model", model, pictures, "--index", fresh, "--filter", list); got != (ingest.Result{Added: 3}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	drop := must(t, "dedup", "--index", index, "--threshold", "0.999999", "--print", "drop", "-0").out
	if drop != filepath.Join(pictures, "z.png")+"\x00" {
		t.Errorf("printed %q", drop)
	}
	var rows []curation.Decision
	for line := range strings.Lines(must(t, "dedup", "--index", index, "--threshold", "0.999999", "--json").out) {
		var d curation.Decision
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, d)
	}
	if len(rows) != 4 || rows[3].Keep || rows[3].Group != 1 {
		t.Errorf("%+v", rows)
	}
}

func TestEachMethodOfCurationRuns(t *testing.T) {
	_, pictures, index := indexOf(t)
	for _, args := range [][]string{
		{"outliers", "--top", "1"}, {"cluster", "--groups", "2"}, {"cluster", "--threshold", "0.1", "--least", "1"},
		{"curate", "leaks", "--test", index}, {"curate", "diverse", "--count", "2"}, {"curate", "balance", "--count", "2"},
	} {
		out := must(t, append(args, "--index", index)...).out
		if !strings.HasPrefix(out, "3 pictures, ") {
			t.Errorf("%v: %q", args, out)
		}
	}
	page := filepath.Join(t.TempDir(), "map.html")
	must(t, "map", "--index", index, "--out", page, "--projector", filepath.Join(t.TempDir(), "p"), "--groups", "2")
	data, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(data), filepath.Join(pictures, "b.png")) {
		t.Errorf("the page lacks a picture: %v", err)
	}
}

func TestGroupsAreNamedByWords(t *testing.T) {
	_, _, index := indexOf(t)
	list, words := filepath.Join(t.TempDir(), "groups.csv"), filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(words, []byte("anchor\nbanana\ncastle\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "cluster", "--index", index, "--groups", "2", "--words", words, "--out", list)
	rows, err := curation.ReadFile(list)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, d := range rows {
		if n := strings.Count(d.Reason, ", "); n != 2 || !strings.Contains(d.Reason, "banana") {
			t.Errorf("group %d is called %q", d.Group, d.Reason)
		}
	}
	says(t, clipgo(t, "cluster", "--index", index, "--words", filepath.Join(t.TempDir(), "none.txt")), exitUsage, "--words", "none.txt")
	says(t, clipgo(t, "cluster", "--index", index, "--words", words, "--model", "none"), exitUsage, "none")
}

func TestWrongCurationIsRefused(t *testing.T) {
	_, _, index := indexOf(t)
	for _, c := range []struct {
		args []string
		code int
		word string
	}{
		{[]string{"dedup"}, exitUsage, "--index is missing"},
		{[]string{"dedup", "--index", t.TempDir()}, exitUsage, "is not an index"},
		{[]string{"dedup", "--index", index, "--threshold", "1.5"}, exitUsage, "between -1 and 1"},
		{[]string{"dedup", "--index", index, "--threshold", "NaN"}, exitUsage, "NaN"},
		{[]string{"dedup", "--index", index, "--out", "x.xml"}, exitUsage, ".csv, .jsonl"},
		{[]string{"dedup", "--index", index, "--print", "all"}, exitUsage, "keep or drop"},
		{[]string{"dedup", "--index", index, "-0"}, exitUsage, "--print"},
		{[]string{"dedup", "--index", index, "--json", "--print", "keep"}, exitUsage, "exclude"},
		{[]string{"outliers", "--index", index, "--top", "0"}, exitUsage, "top"},
		{[]string{"map", "--index", index}, exitUsage, ".html"},
		{[]string{"map", "--index", index, "--out", "x.png"}, exitUsage, ".html"},
		{[]string{"curate", "leaks", "--index", index}, exitUsage, "--test is missing"},
		{[]string{"curate", "diverse", "--index", index}, exitUsage, "--count is missing"},
		{[]string{"curate", "pairs", "--index", index}, exitData, "no picture has a caption"},
		{[]string{"curate", "misfiled", "--index", index}, exitData, "one folder"},
	} {
		says(t, clipgo(t, c.args...), c.code, c.word)
	}
}

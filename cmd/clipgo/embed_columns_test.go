package main

import (
	"image/color"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/search/ingest"
)

// TestEmbedKeepsColumns: --metadata names columns once, later runs go on with them, and info and search show them.
func TestEmbedKeepsColumns(t *testing.T) {
	run, dir, index := trained(t), t.TempDir(), filepath.Join(t.TempDir(), "index")
	picture(t, filepath.Join(dir, "a.png"), color.NRGBA{9, 99, 199, 255})
	picture(t, filepath.Join(dir, "b.png"), color.NRGBA{199, 99, 9, 255})
	csv := write(t, filepath.Join(dir, "t.csv"), "filepath,title,rating,author\na.png,one,4.5,Ada\nb.png,two,,\n")
	if got := embedded(t, "--model", run, "--index", index, csv, "--metadata", "rating, author"); got != (ingest.Result{Added: 2}) {
		t.Fatalf("%+v", got)
	}
	write(t, csv, "filepath,title,rating,author\na.png,one,4.5,Ada\nb.png,two,many,Bo\n")
	r := must(t, "embed", "--json", "--model", run, "--index", index, csv)
	if got := decodeJSON[ingest.Result](t, r); got.Described != 1 || got.Unchanged != 2 || !strings.Contains(r.err, "many of "+dir) {
		t.Errorf("%+v: %s", got, r.err)
	}
	found := must(t, "search", "--index", index, "--json", "blue").out
	for _, want := range []string{`"metadata":{"author":"Ada","rating":4.5}`, `"metadata":{"author":"Bo"}`} {
		if !strings.Contains(found, want) {
			t.Errorf("no %s in %s", want, found)
		}
	}
	if hits := must(t, "search", "--index", index, "--paths", "--where", "rating>4", "--where", "author=Ada", "blue").out; hits !=
		filepath.Join(dir, "a.png")+"\n" {
		t.Errorf("--where finds %s", hits)
	}
	for _, where := range []string{"rating", "price=1", "author<A", "rating=four"} {
		if r := clipgo(t, "search", "--index", index, "--where", where, "blue"); r.code != exitUsage || strings.Count(r.err, "\n") > 2 {
			t.Errorf("--where %s: exit %d: %s", where, r.code, r.err)
		}
	}
	if info := must(t, "info", index).out; !strings.Contains(info, "rating (double), author (text)") {
		t.Error(info)
	}
	for columns, want := range map[string]string{"price": "there are filepath, title, rating, author", "hash": "the index has itself"} {
		if r := clipgo(t, "embed", "--model", run, "--index", index, csv, "--metadata", columns); r.code != exitUsage ||
			strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, want) {
			t.Errorf("--metadata %s: exit %d: %s", columns, r.code, r.err)
		}
	}
	if r := clipgo(t, "embed", "--model", run, "--index", index, dir, "--metadata", "price"); r.code != exitUsage ||
		!strings.Contains(r.err, "no source is a table") {
		t.Errorf("a folder: exit %d: %s", r.code, r.err)
	}
}

package ingest

import (
	"bytes"
	"fmt"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/share"
	"clipgo/search"
)

// rowsOf maps the paths of an index to all that a row has.
func rowsOf(t *testing.T, index string) map[string]string {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	out := map[string]string{}
	for r, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out[r.Path] = fmt.Sprintf("%q %s %d %d %q %x %x", r.Caption, r.Hash, r.Size, r.MTime, r.List, r.Image, r.Text)
	}
	return out
}

// shaded is a folder of pictures of many colors, whose features are not multiples of each other, and a table of captions.
func shaded(t *testing.T, n int) (dir, table string) {
	t.Helper()
	dir = t.TempDir()
	var lines bytes.Buffer
	lines.WriteString("filepath,title\n")
	for i := range n {
		name := fmt.Sprintf("%02d.png", i)
		draw(t, filepath.Join(dir, name), color.NRGBA{uint8(7*i + 1), uint8(255 - 5*i), uint8(i * i), 255})
		if i%3 == 0 {
			fmt.Fprintf(&lines, "%s,red\n", name)
		}
	}
	table = filepath.Join(t.TempDir(), "t.csv")
	text := bytes.ReplaceAll(lines.Bytes(), []byte("\n0"), []byte("\n"+dir+"/0"))
	for _, tens := range []string{"1", "2", "3"} {
		text = bytes.ReplaceAll(text, []byte("\n"+tens), []byte("\n"+dir+"/"+tens))
	}
	if err := os.WriteFile(table, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, table
}

// Parts that are embedded without each other and merged are the index that one run makes: the same rows to the last bit, the same counts.
func TestMergedPartsAreTheWhole(t *testing.T) {
	dir, table := shaded(t, 40)
	if err := os.WriteFile(filepath.Join(dir, "broken.png"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	whole, parts := filepath.Join(t.TempDir(), "whole"), t.TempDir()
	o := Options{Paths: []string{dir, table}, MaxSkip: 1}
	all, err := run(t, t.Context(), whole, &colors{batch: 7}, o)
	if err != nil || all.Added != 40 || all.Failed != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	const n = 5
	var sum Result
	var from []string
	for i := n; i >= 1; i-- { // in any order
		o.Share = share.Share{I: i, N: n}
		from = append(from, o.Share.Folder(parts))
		got, err := run(t, t.Context(), from[n-i], &colors{batch: 7}, o)
		if err != nil || got.Added == 0 || got.Added+got.Failed >= 41 || got.OtherParts == 0 {
			t.Fatalf("part %v: %+v, %v", o.Share, got, err)
		}
		sum.Added, sum.Failed = sum.Added+got.Added, sum.Failed+got.Failed
		if again, err := run(t, t.Context(), from[n-i], &colors{batch: 7}, o); err != nil || again.Unchanged != got.Added {
			t.Fatalf("part %v again: %+v, %v", o.Share, again, err)
		}
	}
	if sum.Added != all.Added || sum.Failed != all.Failed {
		t.Errorf("the parts did %+v, one run %+v", sum, all)
	}
	merged := filepath.Join(t.TempDir(), "merged")
	if m, err := search.MergeFolders(t.Context(), merged, from); err != nil || m.Rows != 40 || m.Missing != nil {
		t.Fatalf("%+v, %v", m, err)
	}
	if got, want := rowsOf(t, merged), rowsOf(t, whole); !maps.Equal(got, want) {
		for path := range want {
			if got[path] != want[path] {
				t.Fatalf("%s:\n%s, want\n%s", path, got[path], want[path])
			}
		}
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	some, err := search.MergeFolders(t.Context(), filepath.Join(t.TempDir(), "some"), from[1:])
	if err != nil || len(some.Missing) != 1 || some.Missing[0] != from[0] {
		t.Errorf("without part %s: %+v, %v", from[0], some, err)
	}
}

// A part of no picture is an index, too, and other numbers of parts move what belongs elsewhere.
func TestPartsMayBeEmptyAndMayChange(t *testing.T) {
	dir := folderOf(t, map[string]color.Color{"a.png": red, "b.png": blue})
	index, rows := filepath.Join(t.TempDir(), "index"), 0
	if got, err := run(t, t.Context(), index, &colors{batch: 9}, Options{Paths: []string{dir}}); err != nil || got.Added != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := 1; i <= 8; i++ {
		part := filepath.Join(t.TempDir(), "index")
		o := Options{Paths: []string{dir}, Share: share.Share{I: i, N: 8}}
		got, err := run(t, t.Context(), part, &colors{batch: 9}, o)
		if err != nil || len(rowsOf(t, part)) != got.Added {
			t.Fatalf("part %d: %+v, %v", i, got, err)
		}
		rows += got.Added
		moved, err := run(t, t.Context(), index, &colors{batch: 9}, o)
		if err != nil || len(rowsOf(t, index)) != got.Added {
			t.Errorf("part %d in an index of all: %+v, %v", i, moved, err)
		}
	}
	if rows != 2 {
		t.Errorf("the parts have %d rows", rows)
	}
}

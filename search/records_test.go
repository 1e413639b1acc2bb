package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestRecordsAreTheLiveRows(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		w.SegmentRows = 2
		for i, path := range []string{"/a", "/b", "/c"} {
			row := Row{File: source(path, i), Image: axis(i), Text: axis(i + 1)}
			if i == 1 {
				row.Image = nil
			}
			if err := w.Add(row); err != nil {
				t.Fatal(err)
			}
		}
	})
	update(t, dir, func(w *Writer) { w.Remove("/a") })
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	read := func(most int) (got []string) {
		for r, err := range ix.Records(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %d %v %v", r.Path, r.Size, r.Image != nil, r.Text != nil))
			if len(got) == most {
				break
			}
		}
		return got
	}
	all := read(-1)
	if want := "[/b 1 false true /c 2 true true]"; fmt.Sprint(all) != want {
		t.Errorf("records %v, want %s", all, want)
	}
	if first := read(1); len(first) != 1 || first[0] != all[0] {
		t.Errorf("a loop that ends early has %v", first)
	}
}

// Rows that are read to be copied or compared are checked: a number that isn't finite would make every comparison false.
func TestADamagedRowIsNoRecord(t *testing.T) {
	for name, bytes := range map[string]string{"NaN": "\x00\x00\xc0\x7f", "length": "\x00\x00\xa0\x40"} {
		dir := t.TempDir()
		buildIndex(t, dir, Space{Fingerprint: "m", Dim: 4}, unitRows(rand.New(rand.NewPCG(1, 1)), 9, 4))
		path := filepath.Join(dir, imageFile(1))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copy(data[128+16:], bytes)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		ix, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer ix.Close()
		n := 0
		for _, err = range ix.Records(t.Context()) {
			n++
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != path {
			t.Errorf("%s: %d records, then %v", name, n, err)
		}
	}
}

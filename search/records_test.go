package search

import (
	"fmt"
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

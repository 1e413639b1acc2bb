package search

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestASourceCanBeDropped(t *testing.T) {
	dir, files := t.TempDir(), t.TempDir()
	here := filepath.Join(files, "here")
	if err := os.WriteFile(here, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	gone := []string{filepath.Join(files, "gone"), filepath.Join(files, "sub", "far")}
	member := filepath.Join(here, "member") // of an archive: nobody looked inside
	update(t, dir, func(w *Writer) {
		for i, path := range append([]string{here, member, "emoji"}, gone...) {
			if err := w.Add(Row{File: File{Path: path, List: "/t/" + filepath.Base(path), Size: int64(i)}, Image: axis(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	check := func(what string, want int, do func(w *Writer) int) {
		t.Helper()
		update(t, dir, func(w *Writer) {
			if got := do(w); got != want {
				t.Errorf("%s: %d rows, want %d", what, got, want)
			}
		})
	}
	sub := []string{filepath.Join(files, "sub")}
	check("count", 1, func(w *Writer) int {
		n, err := w.old.CountBelow(sub)
		if err != nil {
			t.Error(err)
		}
		return n
	})
	check("prune below", 1, func(w *Writer) int { return w.Prune(sub) })
	check("prune", 1, func(w *Writer) int { return w.Prune(nil) })
	check("again", 0, func(w *Writer) int { return w.Prune(nil) })
	check("an archive and a table", 2, func(w *Writer) int { return w.RemoveBelow([]string{here}) })
	check("a table", 1, func(w *Writer) int { return w.RemoveBelow([]string{"/t/emoji"}) })
	if got := contents(t, dir); fmt.Sprint(got) != "map[]" {
		t.Errorf("left: %v", got)
	}
}

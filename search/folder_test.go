package search

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func findsAlong(t *testing.T, ix Index, of int) string {
	t.Helper()
	hits, err := ix.Find(t.Context(), Query{Vector: axis(of), Top: 9, Threshold: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, h := range hits {
		paths = append(paths, h.Path)
	}
	return fmt.Sprint(paths)
}

// A writer may remove each file of an index that is open: the index still shows the rows that it had, with their captions.
func TestAnOpenIndexIsASnapshot(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "a", 0); add(t, w, "b", 1) })
	before, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	same, err := before.Reload(t.Context())
	if err != nil || same != Index(before) {
		t.Errorf("without a change another index is loaded: %v", err)
	}
	update(t, dir, func(w *Writer) { add(t, w, "a", 2); w.Remove("b"); add(t, w, "c", 1) })
	if _, err := os.Stat(filepath.Join(dir, rowsFile(0))); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the first segment is still there: %v", err)
	}
	after, err := before.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	for i, want := range []struct{ before, after string }{{"[a]", "[]"}, {"[b]", "[c]"}, {"[]", "[a]"}} {
		if got := findsAlong(t, before, i); got != want.before {
			t.Errorf("axis %d: the old index finds %s, want %s", i, got, want.before)
		}
		if got := findsAlong(t, after, i); got != want.after {
			t.Errorf("axis %d: the new index finds %s, want %s", i, got, want.after)
		}
	}
	if v, err := before.Feature(t.Context(), "b"); err != nil || v[1] != 1 {
		t.Errorf("the old index has %v of b, %v", v, err)
	}
}

func TestFeatureIsThePicturesOrTheCaptions(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		w.SegmentRows = 2
		for i := range 5 {
			add(t, w, fmt.Sprint("/p/", i), i)
		}
		if err := w.Add(Row{File: source("/p/text", 3), Text: axis(3)}); err != nil {
			t.Fatal(err)
		}
	})
	update(t, dir, func(w *Writer) { add(t, w, "/p/2", 1); w.Remove("/p/1") }) // their segments stay, for others' sake
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for path, want := range map[string]int{"/p/0": 0, "/p/2": 1, "/p/3": 3, "/p/4": 0, "/p/text": 3} {
		if got, err := ix.Feature(t.Context(), path); err != nil || slices.Index(got, 1) != want {
			t.Errorf("%s: %v %v, want axis %d", path, got, err, want)
		}
	}
	for _, path := range []string{"/p/1", "/p", ""} {
		if _, err := ix.Feature(t.Context(), path); !errors.Is(err, ErrNoRow) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// What is there can be asked before anybody knows whose features will be added; where nothing is, nothing is made.
func TestAWriterDescribesWhatItOpened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	w, err := OpenWriter(dir)
	if err != nil || w.Info().Dim != 0 {
		t.Fatalf("%+v %v", w.Info(), err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
	update(t, dir, func(w *Writer) { add(t, w, "a", 0) })
	if w, err = OpenWriter(dir); err != nil || w.Info().Fingerprint != space.Fingerprint || w.Info().Live != 1 {
		t.Fatalf("%+v %v", w.Info(), err)
	}
	other := space
	other.Fingerprint = "model-2"
	var mismatch *MismatchError
	if err := errors.Join(w.Begin(other), w.Close()); !errors.As(err, &mismatch) {
		t.Errorf("another model: %v", err)
	}
}

// An index that somebody makes between OpenWriter and Begin is not overwritten.
func TestBeginSeesWhatWasMadeMeanwhile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	w, err := OpenWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	update(t, dir, func(w *Writer) { add(t, w, "a", 0) })
	if err := w.Begin(space); err != nil {
		t.Fatal(err)
	}
	add(t, w, "b", 1)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]int{"a": 0, "b": 1})
}

package search

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestPrecisionIsThatOfTheRows: an index says how its rows were computed, once they are there. Opening it with another precision, removing
// rows and copying them change nothing.
func TestPrecisionIsThatOfTheRows(t *testing.T) {
	dir, in8 := t.TempDir(), space
	in8.Precision = "int8"
	change := func(as Space, change func(w *Writer)) {
		t.Helper()
		w, err := Update(dir, as)
		if err != nil {
			t.Fatal(err)
		}
		change(w)
		if err := errors.Join(w.Commit(), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	moved := func(from, to string) func(*Writer) {
		return func(w *Writer) {
			if err := w.Follow(Plan{Copy: []Copy{{File: source(to, 1), From: from, Moved: true}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		what string
		as   Space
		do   func(*Writer)
		want string
	}{
		{"made for 8 bits, and empty", in8, func(*Writer) {}, "int8"},
		{"its first rows in floating point", space, func(w *Writer) { add(t, w, "a", 1); add(t, w, "b", 2) }, ""},
		{"opened for 8 bits", in8, func(*Writer) {}, ""},
		{"a row less", in8, func(w *Writer) { w.Remove("b") }, ""},
		{"a row that has moved", in8, moved("a", "c"), ""},
		{"a row in 8 bits", in8, func(w *Writer) { add(t, w, "d", 3) }, mixedPrecision},
		{"a row in floating point", space, func(w *Writer) { add(t, w, "e", 0) }, mixedPrecision},
		{"no other rows than these", in8, func(w *Writer) {
			for _, path := range []string{"c", "d", "e"} {
				w.Remove(path)
			}
			add(t, w, "f", 1)
		}, "int8"},
	} {
		change(step.as, step.do)
		ix, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := ix.Info().Precision; got != step.want {
			t.Errorf("%s: precision %q, want %q", step.what, got, step.want)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMergedPrecision: an index of several has the precision of all of them, or says that there are two.
func TestMergedPrecision(t *testing.T) {
	dir, in8 := t.TempDir(), space
	in8.Precision = "int8"
	made := func(name string, as Space) string {
		t.Helper()
		path := filepath.Join(dir, name)
		w, err := Update(path, as)
		if err != nil {
			t.Fatal(err)
		}
		add(t, w, name, 1)
		if err := errors.Join(w.Commit(), w.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	float, first, second := made("float", space), made("first", in8), made("second", in8)
	for want, from := range map[string][]string{"int8": {first, second}, mixedPrecision: {first, float, second}, "": {float}} {
		out := filepath.Join(dir, "out-"+want)
		if _, err := MergeFolders(t.Context(), out, from); err != nil {
			t.Fatal(err)
		}
		ix, err := Open(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := ix.Info().Precision; got != want {
			t.Errorf("merged: precision %q, want %q", got, want)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package search

import (
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"clipgo/internal/fault"
)

func TestIndexesAreMerged(t *testing.T) {
	a, b, out := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "out")
	update(t, a, func(w *Writer) { add(t, w, "/1", 1); add(t, w, "/2", 2) })
	update(t, b, func(w *Writer) { add(t, w, "/2", 3); add(t, w, "/3", 0) })
	m, err := MergeFolders(t.Context(), out, []string{a, b})
	if err != nil || !reflect.DeepEqual(m, Merged{Added: 3, Replaced: 1, Rows: 3}) {
		t.Fatalf("%+v, %v", m, err)
	}
	check(t, out, map[string]int{"/1": 1, "/2": 3, "/3": 0})
	if m, err := MergeFolders(t.Context(), out, []string{a}); err != nil || !reflect.DeepEqual(m, Merged{Replaced: 2, Rows: 3}) {
		t.Errorf("again: %+v, %v", m, err)
	}
	check(t, out, map[string]int{"/1": 1, "/2": 2, "/3": 0})
	if _, err := MergeFolders(t.Context(), out, []string{a, out + "/."}); fault.Of(err) != fault.Usage {
		t.Errorf("into itself: %v", err)
	}
}

func TestIndexesOfOtherModelsAreNotMerged(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	update(t, a, func(w *Writer) { add(t, w, "/1", 1) })
	other := space
	other.Fingerprint = "model-2"
	w, err := Update(b, other)
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "/2", 2)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = MergeFolders(t.Context(), a, []string{b})
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("%v", err)
	}
	half := t.TempDir() // another type of entries is converted
	f32 := space
	f32.DType = Float32
	if w, err = Update(half, f32); err != nil {
		t.Fatal(err)
	}
	add(t, w, "/3", 3)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if m, err := MergeFolders(t.Context(), a, []string{half}); err != nil || m.Rows != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	check(t, a, map[string]int{"/1": 1, "/3": 3})
}

// A merge changes no byte of the features: normalizing them again would change the last bit of some.
func TestMergedRowsKeepTheirBytes(t *testing.T) {
	const n, dim = 300, 512
	for _, dtype := range []DType{Float32, Float16} {
		own := Space{Fingerprint: "m", Dim: dim, DType: dtype}
		from, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
		ix := buildIndex(t, from, own, unitRows(rand.New(rand.NewPCG(1, 2)), n, dim))
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := MergeFolders(t.Context(), out, []string{from}); err != nil {
			t.Fatal(err)
		}
		want, got := imagesOf(t, from), imagesOf(t, out)
		if len(want) != n || !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: %d rows of %d, or their bytes differ", dtype, len(got), len(want))
		}
	}
}

// imagesOf maps the paths of an index to the features of their pictures.
func imagesOf(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	out := map[string][]float32{}
	for r, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out[r.Path] = r.Image
	}
	return out
}

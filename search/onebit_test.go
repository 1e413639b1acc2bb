package search

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/fault"
)

// bitIndex makes an index of rows with 1-bit codes, in segments of 500.
func bitIndex(t *testing.T, dir string, rows []float32, dim int) {
	t.Helper()
	changeBits(t, dir, dim, func(w *Writer) {
		for i := range len(rows) / dim {
			if err := w.Add(Row{File: File{Path: fmt.Sprint("/p/", i)}, Image: rows[i*dim : (i+1)*dim]}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func changeBits(t *testing.T, dir string, dim int, do func(w *Writer)) {
	t.Helper()
	w, err := OpenWriter(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.SegmentRows, w.OneBit = 500, OneBitAlways
	if err := w.Begin(Space{Fingerprint: "m", Dim: dim}); err != nil {
		t.Fatal(err)
	}
	do(w)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// near makes unit rows in groups of ten.
func near(n, dim int, apart float32) []float32 {
	r := rand.New(rand.NewPCG(9, 9))
	centres := unitRows(r, (n+9)/10, dim)
	rows := unitRows(r, n, dim)
	for i := range rows {
		rows[i] = centres[i/dim/10*dim+i%dim] + apart*rows[i]
	}
	return rows
}

// TestASearchByOneBitFindsTheBestWithExactScores compares it with an exact search. Removed rows are never found.
func TestASearchByOneBitFindsTheBestWithExactScores(t *testing.T) {
	const n, dim = 2000, 96
	dir, rows := t.TempDir(), near(n, dim, 0.7)
	bitIndex(t, dir, rows, dim)
	changeBits(t, dir, dim, func(w *Writer) { w.Remove("/p/15"); w.Remove("/p/702") })
	recall, err := MeasureOneBit(t.Context(), dir)
	if err != nil || recall == nil || recall.At10 < LeastRecall || recall.Queries < 190 {
		t.Fatalf("%+v, %v", recall, err)
	}
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if ix.Approximate(Images) || ix.Info().OneBit == nil || *ix.Info().OneBit != *recall {
		t.Errorf("a small index is searched by 1-bit codes, or doesn't say what they find: %+v", ix.Info())
	}
	for _, row := range []int{10, 15, 700, 1999} {
		query := rows[row*dim : (row+1)*dim]
		_ = ix.UseOneBit(OneBitNever)
		want, err := ix.Nearest(t.Context(), query, 5, Images)
		if err != nil {
			t.Fatal(err)
		}
		if err := ix.UseOneBit(OneBitAlways); err != nil || !ix.Approximate(Images) {
			t.Fatal(err)
		}
		got, err := ix.Nearest(t.Context(), query, 5, Images)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("row %d: %v, want %v, %v", row, got, want, err)
		}
	}
	if err := ix.Verify(); err != nil {
		t.Error(err)
	}
}

// TestOneBitCodesAreMadeAgainAndRefused: damaged ones are made again by the next writer; those that are lost, or of features without
// structure, aren't searched.
func TestOneBitCodesAreMadeAgainAndRefused(t *testing.T) {
	const dim = 64
	dir := t.TempDir()
	bitIndex(t, dir, near(1000, dim, 0.5), dim)
	if _, err := MeasureOneBit(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, filepath.FromSlash(bitsFile(imageFile(1))))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), whole...)
	damaged[300] ^= 1
	for name, spoil := range map[string]func() error{
		"damaged": func() error { return os.WriteFile(file, damaged, 0o644) },
		"lost":    func() error { return os.Remove(file) },
		"short":   func() error { return os.WriteFile(file, whole[:200], 0o644) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		ix, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := ix.UseOneBit(OneBitAlways); name != "damaged" && fault.Of(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
		if err := ix.Verify(); (err != nil) != (name == "damaged") {
			t.Errorf("%s: verify says %v", name, err)
		}
		ix.Close()
		changeBits(t, dir, dim, func(*Writer) {})
		if again, err := os.ReadFile(file); err != nil || string(again) != string(whole) {
			t.Errorf("%s: it wasn't made again: %v", name, err)
		}
	}
	random := t.TempDir()
	bitIndex(t, random, unitRows(rand.New(rand.NewPCG(5, 5)), 6000, dim), dim)
	recall, err := MeasureOneBit(t.Context(), random)
	if err != nil || recall.At10 >= LeastRecall {
		t.Fatalf("features without structure: %+v, %v", recall, err)
	}
	ix, err := Open(random)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if err := ix.UseOneBit(OneBitAlways); fault.Of(err) != fault.Usage || ix.Approximate(Images) {
		t.Errorf("it is searched: %v", err)
	}
}

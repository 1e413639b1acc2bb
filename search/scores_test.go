package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// Pages, totals and filters of a search agree with a float64 scan, whatever is dead.
func TestScoresEqualAFloat64Scan(t *testing.T) {
	const dim, rows = 24, 900
	r := rand.New(rand.NewPCG(1, 2))
	for _, dtype := range []DType{Float32, Float16} {
		of := Space{Fingerprint: "m", Dim: dim, DType: dtype, Preprocess: space.Preprocess}
		ix := buildIndex(t, t.TempDir(), of, unitRows(r, rows, dim))
		ix.parts[0].dead = map[int]bool{3: true, 77: true}
		ix.live = ix.rows - 2
		q := unitRows(r, 1, dim)
		want := scan64(ix, q, ix.rows)
		s, err := ix.Scores(t.Context(), q, Images)
		if err != nil {
			t.Fatal(err)
		}
		if s.Rows != len(want) {
			t.Errorf("%d rows, want %d", s.Rows, len(want))
		}
		got, err := ix.Best(s, 40, -1, nil)
		if err != nil || !slices.Equal(got, want[:40]) {
			t.Errorf("%s: the best 40 differ: %v", dtype, err)
		}
		floor, odd := want[100].Score, NewSet(ix.rows)
		for row := 1; row < ix.rows; row += 2 {
			odd.Add(row)
		}
		var kept []Neighbor
		for _, n := range want[:101] {
			if n.Row%2 == 1 {
				kept = append(kept, n)
			}
		}
		got, err = ix.Best(s, ix.rows, floor, odd)
		if err != nil || !slices.Equal(got, kept) {
			t.Errorf("%s: filtered: %d rows, want %d: %v", dtype, len(got), len(kept), err)
		}
		if n, err := ix.Count(s, floor, odd); n != len(kept) || err != nil {
			t.Errorf("%s: count %d, want %d: %v", dtype, n, len(kept), err)
		}
		checkBackground(t, s, want)
	}
}

func checkBackground(t *testing.T, s *Scores, all []Neighbor) {
	t.Helper()
	var sum, sqr float64
	for _, n := range all {
		sum += n.Score
	}
	mean := sum / float64(len(all))
	for _, n := range all {
		sqr += (n.Score - mean) * (n.Score - mean)
	}
	if dev := math.Sqrt(sqr / float64(len(all))); math.Abs(s.Mean-mean) > 1e-6 || math.Abs(s.Deviation-dev) > 1e-6 {
		t.Errorf("background %g and %g, want %g and %g", s.Mean, s.Deviation, mean, dev)
	}
	between := (all[9].Score + all[10].Score) / 2
	if got := s.Above(between-2, 2, 3, nil); !slices.Equal(got, []int{len(all), 10, 0}) {
		t.Errorf("above the thresholds: %v", got)
	}
}

func TestScoresOfAnEmptyTable(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		if err := w.Add(Row{File: source("a", 0), Image: axis(0)}); err != nil {
			t.Fatal(err)
		}
	})
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	s, err := ix.Scores(t.Context(), axis(0), Texts)
	if err != nil || s.Rows != 0 || s.Mean != 0 || s.Standard(1) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if got, err := ix.Best(s, 5, -1, nil); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ix.Scores(done, axis(0), Images); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

func TestRowsSayWhatTheIndexKnows(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) {
		for i := range 3 {
			add(t, w, fmt.Sprintf("p%d", i), i)
		}
	})
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	update(t, dir, func(w *Writer) { add(t, w, "p1", 7) })
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if first.Version() == ix.Version() || ix.Version() == "" {
		t.Errorf("versions %q and %q", first.Version(), ix.Version())
	}
	got, err := ix.Details([]int{3, 1})
	want := []Detail{{"p1", "a p1", 7, 1, "h7", true, Facts{}, nil}, {"p1", "a p1", 1, 1, "h1", false, Facts{}, nil}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ix.Details([]int{4}); !errors.Is(err, ErrNoRow) {
		t.Errorf("row 4: %v", err)
	}
	image, text, err := ix.RowFeatures(3)
	if err != nil || image[3] != 1 || text[0] != 1 {
		t.Errorf("%v, %v, %v", image, text, err)
	}
	for _, row := range []int{1, -1, 4} {
		if _, _, err := ix.RowFeatures(row); !errors.Is(err, ErrNoRow) {
			t.Errorf("row %d: %v", row, err)
		}
	}
}

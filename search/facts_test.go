package search

import (
	"math"
	"slices"
	"testing"
	"time"
)

var eiffel, opera = Facts{"Canon EOS", day(2019, 7, 14), 48.8584, 2.2945}, Facts{"Apple iPhone", day(2024, 2, 29), -33.8568, 151.2153}

func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).UnixNano()
}

func TestRowsAreSelectedByTheirFacts(t *testing.T) {
	fiji := Facts{Latitude: -17.5, Longitude: 179.9}
	c := catalogOf(t, File{Path: "/p/none.jpg"}, File{Path: "/p/looked.jpg", Facts: &Facts{}}, File{Path: "/p/eiffel.jpg", Facts: &eiffel},
		File{Path: "/p/opera.jpg", Facts: &opera}, File{Path: "/p/fiji.jpg", Facts: &fiji}, File{Path: "/p/wrong.jpg",
			Facts: &Facts{Camera: "x\xff", Latitude: math.NaN(), Longitude: 7}}, File{Path: "/p/last.jpg"})
	for _, f := range []struct {
		name string
		s    Selection
		want []int
	}{
		{"camera", Selection{Camera: "Canon EOS"}, []int{2}},
		{"part of a camera's name", Selection{Camera: "Canon"}, nil},
		{"taken after", Selection{TakenAfter: day(2019, 7, 14)}, []int{2, 3}},
		{"taken before", Selection{TakenBefore: day(2024, 2, 29)}, []int{2}},
		{"box", Selection{Box: Box{40, -10, 60, 10}}, []int{2}},
		{"box over the date line", Selection{Box: Box{-40, 150, 0, -170}}, []int{3, 4}},
		{"near", Selection{Near: Circle{48.8606, 2.3376, 5}}, []int{2}},
		{"near, too near", Selection{Near: Circle{48.8606, 2.3376, 3}}, nil},
		{"near over the date line", Selection{Near: Circle{-17.5, -179.9, 30}}, []int{4}},
		{"everywhere", Selection{Near: Circle{0, 0, 30000}}, []int{2, 3, 4}},
		{"both", Selection{Camera: "Canon EOS", TakenAfter: day(2020, 1, 1)}, nil},
	} {
		if got := rowsOf(c.Select(f.s), 7); !slices.Equal(got, f.want) {
			t.Errorf("%s: rows %v, not %v", f.name, got, f.want)
		}
		if f.s.All() {
			t.Errorf("%s selects all", f.name)
		}
	}
	if got := c.Facts(); got.Dated != 2 || got.Located != 3 || len(got.Cameras) != 3 || got.Cameras[1] != (NameCount{"Canon EOS", 1}) {
		t.Errorf("%+v", got)
	}
	if d, err := c.Detail(2); err != nil || d.Facts.Camera != eiffel.Camera || d.Facts.Taken != eiffel.Taken ||
		math.Abs(d.Facts.Latitude-eiffel.Latitude) > 1e-5 {
		t.Errorf("%+v, %v", d, err)
	}
	if row := c.RowAt("/p/opera.jpg"); row != 3 {
		t.Errorf("/p/opera.jpg is row %d", row)
	}
	if row := c.RowAt("/p/oper.jpg"); row != -1 {
		t.Errorf("a path that isn't there is row %d", row)
	}
}

// TestFactsStayWithAPicture moves a picture and merges the index.
func TestFactsStayWithAPicture(t *testing.T) {
	dir, merged := t.TempDir(), t.TempDir()
	update(t, dir, func(w *Writer) {
		if err := w.Add(Row{File: File{Path: "/p/a.jpg", Hash: "h", Facts: &eiffel}, Image: axis(0)}); err != nil {
			t.Fatal(err)
		}
	})
	update(t, dir, func(w *Writer) {
		if !w.Looked("/p/a.jpg") {
			t.Error("the facts were not kept")
		}
		copied := Copy{File: File{Path: "/p/b.jpg", Hash: "h"}, From: "/p/a.jpg", Moved: true}
		if err := w.Follow(Plan{Copy: []Copy{copied}}); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := MergeFolders(t.Context(), merged, []string{dir}); err != nil {
		t.Fatal(err)
	}
	ix, err := Open(merged)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for r, err := range ix.Records(t.Context()) {
		if err != nil || r.Path != "/p/b.jpg" || r.Facts == nil || *r.Facts != eiffel {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if d, err := ix.Details([]int{0}); err != nil || d[0].Facts != eiffel {
		t.Errorf("%+v, %v", d, err)
	}
}

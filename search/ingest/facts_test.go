package ingest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/exif/exiftest"
)

// alike gives every picture the same feature.
type alike struct{ colors }

func (a *alike) EmbedSource(_ context.Context, src datasets.Source, use func([]int, []float32) error, _ func(datasets.Skip)) error {
	for i := range src.Len() {
		if err := use([]int{i}, []float32{1, 0, 0}); err != nil {
			return err
		}
	}
	return nil
}

// cameras are those of an index's pictures by name.
func cameras(t *testing.T, index string) map[string]string {
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
		out[filepath.Base(r.Path)] = "not looked"
		if r.Facts != nil {
			out[filepath.Base(r.Path)] = r.Facts.Camera
		}
	}
	return out
}

func TestFactsComeWithThePictures(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	for name, f := range map[string]exiftest.Facts{"a.jpg": {Model: "Rollei 35"}, "b.jpg": {}} {
		if err := os.WriteFile(filepath.Join(dir, name), f.JPEG(8, 8), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(t, t.Context(), index, &alike{}, Options{Paths: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	if got := cameras(t, index); got["a.jpg"] != "Rollei 35" || got["b.jpg"] != "" {
		t.Errorf("%v", got)
	}
}

// TestFactsAreAddedToAnOldIndex has an index whose rows an earlier version wrote, without facts.
func TestFactsAreAddedToAnOldIndex(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	path := filepath.Join(dir, "a.jpg")
	if err := os.WriteFile(path, exiftest.Facts{Model: "Rollei 35"}.JPEG(8, 8), 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Paths: []string{dir}}
	if _, err := run(t, t.Context(), index, &alike{}, o); err != nil {
		t.Fatal(err)
	}
	forget(t, index)
	if r, err := run(t, t.Context(), index, &alike{}, o); err != nil || r.Unchanged != 1 || r.Facts != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := cameras(t, index); got["a.jpg"] != "not looked" {
		t.Fatalf("%v", got)
	}
	o.Facts = true
	for _, want := range []int{1, 0} {
		if r, err := run(t, t.Context(), index, &alike{}, o); err != nil || r.Unchanged != 1 || r.Facts != want {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if got := cameras(t, index); got["a.jpg"] != "Rollei 35" || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestChangedContentIsEmbeddedAgain has a picture that changed, but for its size and its time, since an earlier version read it.
func TestChangedContentIsEmbeddedAgain(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	path, when := filepath.Join(dir, "a.jpg"), time.Unix(1e9, 0)
	put := func(model string) {
		err := os.WriteFile(path, exiftest.Facts{Model: model}.JPEG(8, 8), 0o644)
		if err := errors.Join(err, os.Chtimes(path, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	put("Rollei 35")
	o := Options{Paths: []string{dir}}
	if _, err := run(t, t.Context(), index, &alike{}, o); err != nil {
		t.Fatal(err)
	}
	forget(t, index)
	put("Rollei 36")
	o.Facts = true
	for _, want := range []Result{{Updated: 1}, {Unchanged: 1}} {
		r, err := run(t, t.Context(), index, &alike{}, o)
		if r.Rate = 0; err != nil || r != want {
			t.Errorf("%+v, want %+v, %v", r, want, err)
		}
	}
	if got := cameras(t, index); got["a.jpg"] != "Rollei 36" || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// forget writes the rows of an index again without facts.
func forget(t *testing.T, index string) {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	w, err := search.Update(index, ix.Info().Space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for r, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r.Facts = nil
		if err := w.Add(r.AsRow()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

package postgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/search"
	"clipgo/search/postgres/pgtest"
)

const dim = 16

var space = search.Space{Model: "m", Fingerprint: "model-1", Preprocess: []byte(`{"size": 64}`), Dim: dim}

// feature is a random direction that a path always has.
func feature(path string) []float32 {
	var seed uint64
	for _, c := range path {
		seed = seed*31 + uint64(c)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float32, dim)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// change updates an index folder and opens it.
func change(t *testing.T, dir string, do func(w *search.Writer)) *search.Folder {
	t.Helper()
	w, err := search.Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	w.SegmentRows = 10
	do(w)
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	ix, err := search.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

func add(t *testing.T, w *search.Writer, paths ...string) {
	t.Helper()
	for _, p := range paths {
		r := search.Row{File: search.File{Path: p, Caption: "of " + p, Size: 3, MTime: 5e9, Hash: "h"}, Image: feature(p)}
		if strings.Contains(p, "t") {
			r.Text = feature("text " + p)
		}
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
}

func names(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("/p/%d", i))
	}
	return out
}

// equal checks that the database finds what the folder finds.
func equal(t *testing.T, s *pgtest.Server, ix *search.Folder) {
	t.Helper()
	d, err := Open(t.Context(), s.URL, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Exact = true
	if got, want := d.Info(), ix.Info(); got.Live != want.Live || got.Fingerprint != want.Fingerprint || got.Dim != want.Dim {
		t.Errorf("info %+v, want %+v", got, want)
	}
	for _, q := range []search.Query{
		{Vector: feature("query"), Top: 50, Threshold: -1}, {Vector: feature("/p/3"), Top: 3, Threshold: -1, Without: []string{"/p/3"}},
		{Vector: feature("query"), Top: 50, Threshold: 0.2}, {Vector: feature("query"), Table: search.Texts, Top: 5, Threshold: -1},
	} {
		want, err := ix.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(listed(got)) != fmt.Sprint(listed(want)) {
			t.Errorf("found %v, want %v", listed(got), listed(want))
		}
		for i := range min(len(got), len(want)) { // features are float16 there, and the query isn't a unit vector
			if d := got[i].Score - want[i].Score; d > 0.02 || d < -0.02 {
				t.Errorf("score %v, want %v", got[i].Score, want[i].Score)
			}
		}
	}
}

func listed(hits []search.Hit) (out []string) {
	for _, h := range hits {
		out = append(out, h.Path+" "+text(h.Caption))
	}
	return out
}

func TestTheDatabaseBecomesTheFolder(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		dir := t.TempDir()
		sync := func(ix *search.Folder, want Synced) {
			t.Helper()
			got, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"})
			if err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
			equal(t, s, ix)
		}
		first := change(t, dir, func(w *search.Writer) { add(t, w, names(0, 25)...) })
		sync(first, Synced{Segments: 3, Added: 25, Rows: 25})
		sync(first, Synced{Rows: 25})
		more := change(t, dir, func(w *search.Writer) {
			w.Remove("/p/3")
			w.Remove("/p/14")
			add(t, w, "/p/7", "/t\xff\x00", "/t/2")
		})
		sync(more, Synced{Segments: 1, Added: 3, Removed: 3, Rows: 25})
		gone := change(t, dir, func(w *search.Writer) {
			for _, p := range names(0, 10) {
				w.Remove(p)
			}
		})
		sync(gone, Synced{Removed: 9, Rows: 16})
		d, err := Open(t.Context(), s.URL, "c")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if !d.Has(search.Texts) {
			t.Error("there are no captions")
		}
		if _, err := d.Feature(t.Context(), "/p/3"); !errors.Is(err, search.ErrNoRow) {
			t.Errorf("a removed row: %v", err)
		}
		if v, err := d.Feature(t.Context(), "/p/11"); err != nil || len(v) != dim {
			t.Errorf("%v, %v", v, err)
		}
	})
}

func TestWhatDoesNotBelongIsRefused(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		dir := t.TempDir()
		ix := change(t, dir, func(w *search.Writer) { add(t, w, names(0, 3)...) })
		if _, err := Open(t.Context(), s.URL, "c"); fault.Of(err) != fault.Usage {
			t.Errorf("no schema: %v", err)
		}
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c", Single: true, HNSW: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), s.URL, "other"); fault.Of(err) != fault.Usage {
			t.Errorf("no collection: %v", err)
		}
		defer func(old search.Space) { space = old }(space)
		space.Fingerprint = "model-2"
		foreign := change(t, t.TempDir(), func(w *search.Writer) { add(t, w, "/x") })
		var mismatch *search.MismatchError
		if _, err := Sync(t.Context(), foreign, s.URL, Options{Name: "c"}); !errors.As(err, &mismatch) {
			t.Errorf("another model: %v", err)
		}
		none := strings.Replace(s.URL, "/postgres", "/nothing", 1)
		if _, err := Sync(t.Context(), ix, none, Options{Name: "c"}); fault.Of(err) != fault.Usage {
			t.Errorf("no such database: %v", err)
		}
		wrong := "postgres://u:secret@127.0.0.1:1:2/x"
		if _, err := Sync(t.Context(), ix, wrong, Options{Name: "c"}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("a wrong address: %v", err)
		}
		conn, err := pgx.Connect(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), "select pg_advisory_lock(hashtextextended('clipgo c', 0))"); err != nil {
			t.Fatal(err)
		}
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("a sync that runs: %v", err)
		}
	})
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"0.8.0", "0.8.0", false}, {"0.10.0", "0.8.0", false}, {"0.7.4", "0.8.0", true}, {"0.8", "0.8.0", true}, {"1.0", "0.8.0", false}} {
		if older(c.a, c.b) != c.want {
			t.Errorf("older(%s, %s) is %v", c.a, c.b, !c.want)
		}
	}
}

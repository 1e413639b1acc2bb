package postgres

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"clipgo/search"
	"clipgo/search/postgres/pgtest"
)

// served is what serve asks of an index.
type served interface {
	search.Index
	Best(s *search.Scores, k int, floor float64, keep search.Set) ([]search.Neighbor, error)
	Count(s *search.Scores, floor float64, keep search.Set) (int, error)
}

// answers are the hits of some queries, with rows, scores to the bit and counts, and the backgrounds.
func answers(t *testing.T, ix served, scores func([]float32, search.Table) (*search.Scores, error)) (out []string, background []float64) {
	t.Helper()
	for i := range 20 {
		table := search.Table(i % 2)
		q := feature(fmt.Sprint("query ", i))
		s, err := scores(q, table)
		if err != nil {
			t.Fatal(err)
		}
		keep := search.NewSet(ix.Info().Rows)
		for row := range ix.Info().Rows {
			if i%3 == 0 || row%3 == 0 {
				keep.Add(row)
			}
		}
		best, err := ix.Best(s, 15, 0.1, keep)
		if err != nil {
			t.Fatal(err)
		}
		n, err := ix.Count(s, 0.1, keep)
		if err != nil {
			t.Fatal(err)
		}
		if len(best) == 0 && table == search.Images {
			t.Error("a query finds nothing")
		}
		out = append(out, fmt.Sprintf("%v %d of %d", best, n, s.Rows))
		background = append(background, s.Mean, s.Deviation)
	}
	return out, background
}

// TestASnapshotAnswersAsTheFolder compares rows, scores and metadata of a float16 folder with those of the database, to the bit.
func TestASnapshotAnswersAsTheFolder(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		defer func(old search.Space) { space = old }(space)
		space.DType = search.Float16
		dir := t.TempDir()
		change(t, dir, func(w *search.Writer) { add(t, w, append(names(0, 45), "/t/1", "/t/2", "/t/3")...) })
		ix := change(t, dir, func(w *search.Writer) { w.Remove("/p/3"); w.Remove("/p/14"); add(t, w, "/p/7", "/t/4\xff") })
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil {
			t.Fatal(err)
		}
		d, err := OpenSnapshot(t.Context(), s.URL, "c")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		got, around := answers(t, d, func(q []float32, of search.Table) (*search.Scores, error) { return d.Scores(t.Context(), q, of) })
		want, background := answers(t, ix, func(q []float32, of search.Table) (*search.Scores, error) {
			return ix.Scores(t.Context(), q, of)
		})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		for i := range background { // sums of float32 scores in other orders
			if !(math.Abs(around[i]-background[i]) < 1e-5) {
				t.Errorf("mean or deviation of query %d: %v, want %v", i/2, around[i], background[i])
			}
		}
		same(t, d, ix)
		again, err := d.Reload(t.Context())
		if err != nil || again != search.Index(d) {
			t.Errorf("nothing has changed: %v, %v", again, err)
		}
	})
}

// same compares what is known of each row.
func same(t *testing.T, d *Snapshot, ix *search.Folder) {
	t.Helper()
	if d.Info().Rows != ix.Info().Rows || d.Info().Live != ix.Info().Live || d.Has(search.Texts) != ix.Has(search.Texts) {
		t.Errorf("info %+v, want %+v", d.Info(), ix.Info())
	}
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for row := range ix.Info().Rows {
		want, err := ix.Details([]int{row})
		if err != nil {
			t.Fatal(err)
		}
		if !want[0].Live {
			want[0] = search.Detail{}
		}
		got, err := d.Details([]int{row})
		listed, err2 := cat.Detail(row)
		if err != nil || err2 != nil || !reflect.DeepEqual(got[0], want[0]) || !reflect.DeepEqual(listed, want[0]) {
			t.Errorf("row %d: %+v and %+v, want %+v (%v, %v)", row, got, listed, want, err, err2)
		}
		x, y, err := d.RowFeatures(row)
		i, j, wrong := ix.RowFeatures(row)
		if !reflect.DeepEqual(x, i) || !reflect.DeepEqual(y, j) || errors.Is(err, search.ErrNoRow) != errors.Is(wrong, search.ErrNoRow) {
			t.Errorf("row %d: features %v %v, want %v %v (%v)", row, x, y, i, j, err)
		}
	}
	if _, err := d.Details([]int{ix.Info().Rows}); !errors.Is(err, search.ErrNoRow) {
		t.Errorf("a row that there isn't: %v", err)
	}
}

// TestASnapshotStaysWhatItWas: rows that come later aren't found, those that go are not there, and segments that another index put in the
// place of the snapshot's are not taken for them.
func TestASnapshotStaysWhatItWas(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		dir := t.TempDir()
		sync := func(ix *search.Folder) {
			if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil {
				t.Fatal(err)
			}
		}
		sync(change(t, dir, func(w *search.Writer) { add(t, w, names(0, 12)...) }))
		d, err := OpenSnapshot(t.Context(), s.URL, "c")
		if err != nil {
			t.Fatal(err)
		}
		sync(change(t, dir, func(w *search.Writer) { w.Remove("/p/3"); add(t, w, "/p/100") }))
		next, err := d.Reload(t.Context())
		if err != nil || next.Info().Live != 12 || next.(*Snapshot).Version() == d.Version() {
			t.Fatalf("%v, %v", next, err)
		}
		defer next.Close()
		sc, err := d.Scores(t.Context(), feature("/p/100"), search.Images)
		if err != nil || sc.Rows != 11 {
			t.Errorf("%+v, %v", sc, err)
		}
		if all, err := d.Details([]int{3, 4}); err != nil || all[0].Live || all[1].Path != "/p/4" {
			t.Errorf("%+v, %v", all, err)
		}
		sync(change(t, t.TempDir(), func(w *search.Writer) { add(t, w, names(50, 60)...) })) // another folder of the same name
		if all, err := d.Details([]int{4}); err != nil || all[0].Live {
			t.Errorf("a row of another index: %+v, %v", all, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := next.Reload(t.Context()); err != nil { // the connections are still there
			t.Error(err)
		}
	})
}

// TestADatabaseThatGoesAwayIsUnavailable: each question says so in one line, and is answered again when the server is back.
func TestADatabaseThatGoesAwayIsUnavailable(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		dir := t.TempDir()
		ix := change(t, dir, func(w *search.Writer) { add(t, w, names(0, 12)...) })
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil {
			t.Fatal(err)
		}
		d, err := OpenSnapshot(t.Context(), s.URL, "c")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var idle []*pgxpool.Conn // connections that the pool doesn't know to be gone
		for range 2 {
			c, err := d.pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, c)
		}
		for _, c := range idle {
			c.Release()
		}
		s.Kill(t)
		s.Start(t)
		if sc, err := d.Scores(t.Context(), feature("q"), search.Images); err != nil || sc.Rows != 12 {
			t.Errorf("after the server was started again: %v", err)
		}
		s.Kill(t)
		_, scores := d.Scores(t.Context(), feature("q"), search.Images)
		_, details := d.Details([]int{1})
		_, reload := d.Reload(t.Context())
		_, catalog := d.Catalog(t.Context())
		for i, err := range []error{scores, details, reload, catalog} {
			if !errors.Is(err, search.ErrUnavailable) {
				t.Errorf("question %d: %v", i, err)
			}
		}
		more := change(t, dir, func(w *search.Writer) { add(t, w, "/p/77") })
		m := &Mirror{dir: dir, url: s.URL, options: Options{Name: "c"}}
		if err := m.Update(t.Context()); err == nil {
			t.Error("a database that isn't there was updated")
		}
		s.Start(t)
		if sc, err := d.Scores(t.Context(), feature("q"), search.Images); err != nil || sc.Rows != 12 {
			t.Errorf("after it came back: %v", err)
		}
		if did, err := m.Finish(t.Context()); err != nil || did.Added != 1 || did.Rows != more.Info().Live {
			t.Errorf("%+v, %v", did, err)
		}
	})
}

func TestAQueryOfTwoFloat16VectorsIsTheQuery(t *testing.T) {
	q, scale := scaled([]float32{3e8, 4e8, 12345.678, -1e-3}, 5e8)
	high, low := split(q)
	for i := range q {
		if back := float64(high[i]) + float64(low[i])/lowScale; math.Abs(back-float64(q[i])) > 0x1p-22*math.Abs(float64(q[i]))+0x1p-35 {
			t.Errorf("entry %d is %v, not %v", i, back, q[i])
		}
	}
	if scale != 5e8 {
		t.Errorf("scale %v", scale)
	}
	if d := (&detail{}).read(); d.MTime != 0 || !d.Live {
		t.Errorf("%+v", d)
	}
	at := time.Unix(5, 7000)
	if d := (&detail{mtime: &at}).read(); d.MTime != 5e9+7000 {
		t.Errorf("%+v", d)
	}
}

package postgres

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"clipgo/internal/fault"
	"clipgo/search"
	"clipgo/search/columns"
	"clipgo/search/postgres/pgtest"
)

// addDescribed adds rows with what EXIF says and further columns.
func addDescribed(t *testing.T, w *search.Writer) {
	t.Helper()
	err := w.KeepColumns([]columns.Column{{Name: "rating", Type: columns.Double}, {Name: "who's", Type: columns.Text}})
	for i, p := range names(0, 25) {
		facts := search.Facts{Camera: "C\x00\xff", Taken: 1e15 + int64(i)*1e9, Latitude: 1.5, Longitude: -float64(i)}
		f := search.File{Path: p, Hash: "h", Facts: &facts}
		if i%2 == 0 {
			f.Facts = nil
		}
		if i%3 > 0 {
			f.Metadata = columns.Values{{Column: "rating", Value: 0.1 * float64(i)}, {Column: "who's", Value: `A "b"` + "\x00\n<&"}}
		}
		if err == nil {
			err = w.Add(search.Row{File: f, Image: feature(p)})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// check compares columns, values and conditions of the database with those of the folder.
func check(t *testing.T, s *pgtest.Server, ix *search.Folder) {
	t.Helper()
	d, err := OpenSnapshot(t.Context(), s.URL, "c")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want, err := ix.Columns()
	if got, _ := d.Columns(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("columns %v, want %v", got, want)
	}
	cat, err := d.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for row := range ix.Info().Rows {
		want, _ := ix.Details([]int{row})
		got, err := d.Details([]int{row})
		if err != nil {
			t.Fatal(err)
		}
		want[0].Facts.Camera = text(want[0].Facts.Camera)
		for i, v := range want[0].Metadata {
			if s, ok := v.Value.(string); ok {
				want[0].Metadata[i].Value = text(s)
			}
		}
		listed, _ := cat.Detail(row)
		if listed.Metadata = got[0].Metadata; !reflect.DeepEqual(got[0], want[0]) || !reflect.DeepEqual(listed, want[0]) {
			t.Errorf("row %d: %+v and %+v, want %+v", row, got[0], listed, want[0])
		}
	}
	for _, texts := range [][]string{{"rating>1"}, {"rating<=0.2"}, {"rating!=0.5", "rating<0.9"}, {`who's=A "b"`},
		{`who's!=x`, "rating>=2"}} {
		where, err := columns.ParseConditions(texts)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ix.Where(t.Context(), where)
		b, err2 := d.Where(t.Context(), where)
		if err != nil || err2 != nil || !strings.HasPrefix(texts[0], "who's=") && (a.Count() == 0 || !reflect.DeepEqual(a, b)) {
			t.Errorf("%v: %b, want %b (%v, %v)", texts, b, a, err, err2)
		}
		hits, err := d.Find(t.Context(), search.Query{Vector: feature("q"), Top: 30, Threshold: -100, Where: where})
		if err != nil || len(hits) != b.Count() {
			t.Errorf("%v: %d hits of %d rows, %v", texts, len(hits), b.Count(), err)
		}
	}
	where := []columns.Condition{{Column: "price", Operator: columns.Equal, Value: "1"}}
	if _, err := d.Find(t.Context(), search.Query{Vector: feature("q"), Top: 30, Where: where}); fault.Of(err) != fault.Usage {
		t.Errorf("a column that there isn't: %v", err)
	}
}

func TestTheDatabaseHasFactsAndColumns(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		ix := change(t, t.TempDir(), func(w *search.Writer) { addDescribed(t, w) })
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil {
			t.Fatal(err)
		}
		check(t, s, ix)
	})
}

// TestACollectionOfVersion1IsUpgraded by a sync, which writes every segment again; until then it is refused in words.
func TestACollectionOfVersion1IsUpgraded(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, s *pgtest.Server) {
		ix := change(t, t.TempDir(), func(w *search.Writer) { addDescribed(t, w) })
		if _, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil {
			t.Fatal(err)
		}
		c, err := pgx.Connect(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		var id int64
		if err := c.QueryRow(t.Context(), "select id from clipgo.collection").Scan(&id); err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{"alter table clipgo.collection drop column columns",
			"update clipgo.collection set format_version = 1",
			fmt.Sprintf("alter table %s drop column taken, drop column camera, drop column latitude, drop column longitude, "+
				"drop column meta", items(id))} {
			if _, err := c.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(t.Context(), s.URL, "c"); fault.Of(err) != fault.Model || !strings.Contains(err.Error(), "index sync") {
			t.Errorf("version 1: %v", err)
		}
		if got, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil || got.Segments != 3 || got.Added != 25 {
			t.Errorf("%+v, %v", got, err)
		}
		check(t, s, ix)
		if got, err := Sync(t.Context(), ix, s.URL, Options{Name: "c"}); err != nil || got.Segments > 0 {
			t.Errorf("again: %+v, %v", got, err)
		}
	})
}

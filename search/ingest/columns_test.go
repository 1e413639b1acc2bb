package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"clipgo/search"
	"clipgo/search/columns"
)

// described brings an index up to date with tables whose columns it keeps.
func described(t *testing.T, index string, names []string, tables ...string) (Result, []string) {
	t.Helper()
	var odd []string
	got, err := run(t, t.Context(), index, &colors{batch: 2}, Options{Paths: tables, Columns: names,
		Odd: func(path, column, value string) { odd = append(odd, filepath.Base(path)+" "+column+" "+value) }})
	if err != nil {
		t.Fatal(err)
	}
	return got, odd
}

// values are the columns of an index, and the values of its rows by the names of the pictures.
func values(t *testing.T, index string) (list []columns.Column, rows map[string]string) {
	t.Helper()
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if list, err = ix.Columns(); err != nil {
		t.Fatal(err)
	}
	rows = map[string]string{}
	for r, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows[filepath.Base(r.Path)] = fmt.Sprint(r.Metadata)
	}
	return list, rows
}

func table(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestColumnsOfATable: the first run decides their types, several rows and tables of a picture complete one another, and later values that
// don't fit are left out one by one.
func TestColumnsOfATable(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	draw(t, filepath.Join(dir, "a.png"), red)
	draw(t, filepath.Join(dir, "b.png"), green)
	draw(t, filepath.Join(dir, "c.png"), blue)
	names := []string{"rating", "author"}
	one := table(t, filepath.Join(dir, "one.csv"), "filepath,title,rating,author\na.png,red,4.5,\na.png,green,,Ada\nb.png,blue,2,007\n")
	two := table(t, filepath.Join(dir, "two.jsonl"), `{"filepath":"a.png","title":"red","rating":9}`+"\n"+
		`{"filepath":"c.png","title":"red","rating":null}`+"\n")
	got, odd := described(t, index, names, one, two)
	if got.Added != 3 || len(odd) > 0 {
		t.Errorf("%+v %v", got, odd)
	}
	list, rows := values(t, index)
	types := []columns.Column{{Name: "rating", Type: columns.Double}, {Name: "author", Type: columns.Text}}
	if !reflect.DeepEqual(list, types) {
		t.Errorf("columns %v", list)
	}
	want := map[string]string{"a.png": "[{author Ada} {rating 4.5}]", "b.png": "[{author 007} {rating 2}]", "c.png": "[]"}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("%v", rows)
	}

	table(t, one, "filepath,title,rating\na.png,red,five\nb.png,blue,3\n")
	got, odd = described(t, index, names, one)
	if got.Described != 2 || got.Unchanged != 2 || got.Added != 0 || !reflect.DeepEqual(odd, []string{"a.png rating five"}) {
		t.Errorf("%+v %v", got, odd)
	}
	want = map[string]string{"a.png": "[{author Ada}]", "b.png": "[{author 007} {rating 3}]", "c.png": "[]"}
	if _, rows = values(t, index); !reflect.DeepEqual(rows, want) {
		t.Errorf("a table without the author, and a rating that is no number: %v", rows)
	}
}

package search

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipgo/search/columns"
)

var furtherColumns = []columns.Column{{Name: "rating", Type: columns.Double}, {Name: "author", Type: columns.Text}}

// fillFurther adds rows with values of furtherColumns.
func fillFurther(t *testing.T, dir string, further []columns.Column, rows map[string]columns.Values) {
	t.Helper()
	w, err := Update(dir, Space{Fingerprint: "f", Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = w.KeepColumns(further)
	for path, values := range rows {
		err = errors.Join(err, w.Add(Row{File: File{Path: path, Hash: "h" + path, Metadata: values}, Image: []float32{1, 0}}))
	}
	if err = errors.Join(err, w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func furtherOf(t *testing.T, dir string) (list []columns.Column, rows map[string]columns.Values) {
	t.Helper()
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if list, err = ix.Columns(); err != nil {
		t.Fatal(err)
	}
	rows = map[string]columns.Values{}
	for r, err := range ix.Records(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		rows[r.Path] = r.Metadata
	}
	return list, rows
}

// TestFurtherColumnsAreKept: as values of the rows, in each segment with the same types, read back by another program's schema.
func TestFurtherColumnsAreKept(t *testing.T) {
	dir := t.TempDir()
	want := map[string]columns.Values{"/a": {{Column: "author", Value: "Ada\xff"}, {Column: "rating", Value: 0.0}},
		"/b": {{Column: "rating", Value: 4.5}}, "/c": nil}
	fillFurther(t, dir, furtherColumns, want)
	fillFurther(t, dir, nil, map[string]columns.Values{"/d": nil})
	want["/d"] = nil
	want["/a"] = columns.Values{{Column: "author", Value: "Ada\ufffd"}, {Column: "rating", Value: 0.0}}
	list, rows := furtherOf(t, dir)
	if !reflect.DeepEqual(list, furtherColumns) || !reflect.DeepEqual(rows, want) {
		t.Errorf("%v %v", list, rows)
	}
	type foreign struct {
		Path   string   `parquet:"image_path"`
		Rating *float64 `parquet:"rating,optional"`
		Author *string  `parquet:"author,optional"`
	}
	for _, name := range []string{rowsFile(0), rowsFile(1)} {
		read, err := parquet.ReadFile[foreign](filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range read {
			if rating := want[r.Path].Of("rating"); (r.Rating == nil) != (rating == nil) || rating != nil && *r.Rating != rating {
				t.Errorf("%s: %v, not %v", r.Path, r.Rating, rating)
			}
			if author := want[r.Path].Of("author"); (r.Author == nil) != (author == nil) || author != nil && *r.Author != author {
				t.Errorf("%s: %v, not %v", r.Path, r.Author, author)
			}
		}
	}
}

// TestAnIndexWithoutFurtherColumnsHasTheSameBytes compares the metadata with what the library writes for the plain struct.
func TestAnIndexWithoutFurtherColumnsHasTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	fillFurther(t, dir, nil, map[string]columns.Values{"/a": nil})
	path := filepath.Join(t.TempDir(), "plain.parquet")
	rows := []details{{Path: "/a", Hash: "h/a"}}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[details](file, parquet.CreatedBy("clipgo", "1", ""), parquet.Compression(&parquet.Snappy))
	_, err = w.Write(rows)
	if err = errors.Join(err, w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	want, err1 := os.ReadFile(path)
	have, err2 := os.ReadFile(filepath.Join(dir, rowsFile(0)))
	if err := errors.Join(err1, err2); err != nil || string(want) != string(have) {
		t.Errorf("the bytes differ: %v", err)
	}
}

// TestSingleRowsHaveTheirColumns: Details seeks, also over the pages of many rows.
func TestSingleRowsHaveTheirColumns(t *testing.T) {
	dir := t.TempDir()
	w, err := Update(dir, Space{Fingerprint: "f", Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = w.KeepColumns(furtherColumns)
	const n = 5000
	for i := range n {
		values := columns.Values{{Column: "rating", Value: float64(i)}}
		if i%3 == 0 {
			values = nil
		}
		path := "/" + string(rune('a'+i%26)) + string(rune(0x4e00+i))
		err = errors.Join(err, w.Add(Row{File: File{Path: path, Metadata: values}, Image: []float32{1, 0}}))
	}
	if err = errors.Join(err, w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	rows := []int{4999, 0, 1, 2500, 4097}
	got, err := ix.Details(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		want := any(float64(row))
		if row%3 == 0 {
			want = nil
		}
		if v := got[i].Metadata.Of("rating"); v != want {
			t.Errorf("row %d: %v, not %v", row, v, want)
		}
	}
}

// TestNewValuesNeedNoEmbedding: a row whose file is the same is copied with its new values, and keeps those that nobody names.
func TestNewValuesNeedNoEmbedding(t *testing.T) {
	dir := t.TempDir()
	fillFurther(t, dir, furtherColumns, map[string]columns.Values{"/a": {{Column: "author", Value: "Ada"}, {Column: "rating", Value: 1.0}}})
	w, err := Update(dir, Space{Fingerprint: "f", Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	p := w.Plan([]File{{Path: "/a", Metadata: columns.Values{{Column: "rating", Value: 2.0}}}}, Scope{}, nil)
	if p.Unchanged != 1 || p.Described != 1 || len(p.Embed) != 0 {
		t.Errorf("%+v", p)
	}
	if err := errors.Join(w.Follow(p), w.Commit()); err != nil {
		t.Fatal(err)
	}
	p = w.Plan([]File{{Path: "/a"}}, Scope{}, nil)
	if err := w.Close(); err != nil || p.Described != 0 {
		t.Error(err, p)
	}
	want := map[string]columns.Values{"/a": {{Column: "author", Value: "Ada"}, {Column: "rating", Value: 2.0}}}
	if _, rows := furtherOf(t, dir); !reflect.DeepEqual(rows, want) {
		t.Errorf("%v", rows)
	}
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for r := range ix.Records(context.Background()) {
		if r.Hash != "h/a" {
			t.Errorf("the hash is %q", r.Hash)
		}
	}
}

// TestMergedIndexesHaveAllColumns: a row that takes the place of another one has its own values alone, and two types are refused.
func TestMergedIndexesHaveAllColumns(t *testing.T) {
	a, b, c, out := t.TempDir(), t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "out")
	fillFurther(t, a, furtherColumns[:1], map[string]columns.Values{"/x": {{Column: "rating", Value: 3.0}},
		"/y": {{Column: "rating", Value: 5.0}}})
	fillFurther(t, b, furtherColumns[1:], map[string]columns.Values{"/x": {{Column: "author", Value: "Bo"}}})
	if _, err := MergeFolders(context.Background(), out, []string{a, b}); err != nil {
		t.Fatal(err)
	}
	list, rows := furtherOf(t, out)
	want := map[string]columns.Values{"/x": {{Column: "author", Value: "Bo"}}, "/y": {{Column: "rating", Value: 5.0}}}
	if !reflect.DeepEqual(list, furtherColumns) || !reflect.DeepEqual(rows, want) {
		t.Errorf("%v %v", list, rows)
	}
	fillFurther(t, c, []columns.Column{{Name: "rating", Type: columns.Text}}, map[string]columns.Values{"/z": nil})
	_, err := MergeFolders(context.Background(), out, []string{c})
	if mismatch := (*MismatchError)(nil); !errors.As(err, &mismatch) {
		t.Error(err)
	}
	t.Log(err)
}

// TestARepairKeepsTheColumns although the features of every row are lost.
func TestARepairKeepsTheColumns(t *testing.T) {
	dir := t.TempDir()
	fillFurther(t, dir, furtherColumns, map[string]columns.Values{"/a": nil})
	if err := os.Truncate(filepath.Join(dir, imageFile(0)), 100); err != nil {
		t.Fatal(err)
	}
	w, damage, err := OpenRepair(dir)
	if err != nil || len(damage) != 1 {
		t.Fatal(err, damage)
	}
	defer w.Close()
	if got := w.Columns(); !reflect.DeepEqual(got, furtherColumns) {
		t.Errorf("%v", got)
	}
	if got := ColumnsIn(dir); !reflect.DeepEqual(got, furtherColumns) {
		t.Errorf("%v", got)
	}
}

package search

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"clipgo/search/columns"
)

// TestWhere: conditions select rows in every segment, dead ones aside, and the best hits among them are found.
func TestWhere(t *testing.T) {
	dir := t.TempDir()
	w, err := Update(dir, Space{Fingerprint: "f", Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	err = w.KeepColumns(furtherColumns)
	for i := range 10_000 { // more than is read at a time
		values := columns.Values{{Column: "rating", Value: float64(i % 10)}}
		if i%2 == 0 {
			values = append(columns.Values{{Column: "author", Value: "Ada"}}, values...)
		}
		err = errors.Join(err, w.Add(Row{File: File{Path: fmt.Sprintf("/%d", i), Metadata: values}, Image: []float32{1, float32(i) / 1e4}}))
	}
	if err = errors.Join(err, w.Commit()); err != nil {
		t.Fatal(err)
	}
	w.Remove("/9998")
	if err = errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	fillFurther(t, dir, nil, map[string]columns.Values{"/later": {{Column: "rating", Value: 8.0}}})
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	find := func(texts ...string) (paths []string, err error) {
		where, err := columns.ParseConditions(texts)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := ix.Find(context.Background(), Query{Vector: []float32{0, 1}, Top: 3, Threshold: -1, Where: where})
		for _, h := range hits {
			paths = append(paths, h.Path)
		}
		return paths, err
	}
	for texts, want := range map[string]string{
		"rating=8":            "/9988 /9978 /9968",
		"author=Ada":          "/9996 /9994 /9992",
		"rating<2 author=Ada": "/9990 /9980 /9970",
		"rating>3 rating<=4":  "/9994 /9984 /9974",
		"author!=Ada":         "",
	} {
		if got, err := find(strings.Fields(texts)...); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v, want %s", texts, got, err, want)
		}
	}
	if n, err := ix.Where(context.Background(), []columns.Condition{{Column: "rating", Operator: columns.Equal, Value: "8"}}); err != nil ||
		n.Count() != 1000 {
		t.Errorf("%d rows, %v", n.Count(), err)
	}
	if _, err := find("price=1"); err == nil || !strings.Contains(err.Error(), "rating, author") {
		t.Error(err)
	}
}

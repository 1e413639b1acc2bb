package datasets

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// cellsOf are the values that the samples of a source have in some columns; - is an absent one.
func cellsOf(t *testing.T, src Source) (out []string) {
	t.Helper()
	for i := range src.Len() {
		e, err := src.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range e.Metadata {
			if c.Absent {
				c.Text = "-"
			}
			all = append(all, c.Text)
		}
		out = append(out, strings.Join(all, "|"))
	}
	return out
}

// TestMetadataOfTables: values are texts as they are written, a column that a table lacks is distinguished from one without a value, and
// several rows of a picture complete one another.
func TestMetadataOfTables(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		want       []string
		columns    string
	}{
		{"a.csv", "filepath,title,n,who\nx.png,t, 1 ,Ada\ny.png,t,,\"a, b\"\nx.png,u,2,\n",
			[]string{"1|Ada|-", "|a, b|-"}, "filepath title n who"},
		{"a.jsonl", `{"filepath":"x.png","title":"t","n":1.50,"who":{"a": [1, 2]},"more":true}` + "\n" +
			`{"filepath":"y.png","title":"t","n":null}` + "\n", []string{`1.50|{"a":[1,2]}|true`, "||"}, "filepath title n who more"},
	} {
		path := filepath.Join(dir, c.name)
		writePictures(t, dir, "x.png", "y.png")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		src, err := Open(t.Context(), path, Options{Metadata: []string{"n", "who", "more"}})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if got := cellsOf(t, src); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		info := src.Info()
		if got := slices.Sorted(slices.Values(info.Columns)); !slices.Equal(got, slices.Sorted(slices.Values(strings.Fields(c.columns)))) {
			t.Errorf("%s: columns %v", c.name, info.Columns)
		}
		if lacks := strings.Contains(strings.Join(info.Notes, "\n"), "no column more"); lacks != (c.name == "a.csv") {
			t.Errorf("%s: notes %q", c.name, info.Notes)
		}
	}
}

// TestMetadataOfParquet: of pictures in the file and of paths. parquet-go writes the columns.
func TestMetadataOfParquet(t *testing.T) {
	type row struct {
		Image  []byte   `parquet:"image"`
		Text   string   `parquet:"caption"`
		Who    *string  `parquet:"who,optional"`
		N      int64    `parquet:"n,delta"`
		Small  int32    `parquet:"small,dict"`
		Single float32  `parquet:"single"`
		Double *float64 `parquet:"double,optional,dict"`
		Yes    bool     `parquet:"yes"`
		List   []int64  `parquet:"list"`
	}
	type pathRow struct {
		URL    string  `parquet:"url"`
		Text   string  `parquet:"caption"`
		Single float32 `parquet:"single"`
	}
	who, half, none := "Ada ", 1e-7, math.NaN()
	dir := t.TempDir()
	writePictures(t, dir, "a.png", "b.png")
	pixels, paths := filepath.Join(dir, "pixels.parquet"), filepath.Join(dir, "paths.parquet")
	writeParquet(t, pixels, []row{{[]byte{1}, "t", &who, -5, 7, 0.1, &half, true, []int64{1}},
		{[]byte{1}, "u", nil, 1 << 60, 0, 3, &none, false, nil},
		{[]byte{1}, "v", nil, 0, 7, float32(math.Inf(1)), nil, false, nil}})
	writeParquet(t, paths, []pathRow{{"a.png", "t", 2.5}, {"b.png", "t", -1}, {"a.png", "u", 9}})
	names := []string{"who", "n", "small", "single", "double", "yes", "list"}
	for path, want := range map[string][]string{
		pixels: {"Ada|-5|7|0.1|1e-07|true|-", "|1152921504606846976|0|3||false|-", "|0|7|||false|-"},
		paths:  {"-|-|-|2.5|-|-|-", "-|-|-|-1|-|-|-"},
	} {
		src, err := Open(t.Context(), path, Options{Metadata: names})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if got := cellsOf(t, src); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if info := src.Info(); slices.Contains(info.Columns, "list") || slices.Contains(info.Columns, "image") ||
			!slices.Contains(info.Columns, "single") || !strings.Contains(fmt.Sprint(info.Notes), "no column") {
			t.Errorf("%s: %+v", path, info)
		}
	}
}

func writePictures(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a picture"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func writeParquet[T any](t *testing.T, path string, rows []T) {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

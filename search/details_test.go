package search

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/paths"
	"clipgo/search/columns"
)

// Names are bytes. Parquet and JSON hold valid UTF-8, two names stay two, and each leads back to its file.
func TestNamesThatAreNoUTF8(t *testing.T) {
	dir := t.TempDir()
	names := []string{"/p/caf\xe9.jpg", "/p/caf\xe8.jpg", "/p/caf\u00e9.jpg", "/p/caf%E9.jpg"}
	update(t, dir, func(w *Writer) {
		for i, name := range names {
			if err := w.Add(Row{File: File{Path: name, List: "/t\xff.csv", Caption: "x\xff", Size: 1}, Image: axis(i)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	rows, err := parquet.ReadFile[details](filepath.Join(dir, rowsFile(0)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for _, text := range []string{r.Path, r.List, r.Caption} {
			if !utf8.ValidString(text) {
				t.Errorf("the metadata holds %q", text)
			}
		}
	}
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	var seen []string
	for i, name := range names {
		hits, err := ix.Find(t.Context(), Query{Vector: axis(i), Top: 1})
		if err != nil || hits[0].Path != name {
			t.Fatalf("%q: %v %v", name, hits, err)
		}
		text, err := json.Marshal(hits[0])
		var back Hit
		if err != nil || json.Unmarshal(text, &back) != nil || paths.FromText(back.Path) != name {
			t.Errorf("%q: %s %v", name, text, err)
		}
		if f, err := ix.Feature(t.Context(), name); err != nil || f[i] != 1 {
			t.Errorf("%q: %v %v", name, f, err)
		}
		seen = append(seen, back.Path)
	}
	if slices.Sort(seen); len(slices.Compact(seen)) != len(names) {
		t.Errorf("two names became one: %q", seen)
	}
	update(t, dir, func(w *Writer) {
		p := w.Plan([]File{{Path: names[0], Caption: "x\ufffd", Size: 1}}, Scope{Lists: []string{"/t\xff.csv"}}, nil)
		if p.Unchanged != 1 || len(p.Remove) != 3 {
			t.Errorf("another run: %+v", p)
		}
	})
}

// clip-retrieval writes the columns that its source had: a folder of pictures without captions has no caption.
func TestAForeignFolderNeedsNoCaptions(t *testing.T) {
	type image struct {
		Path string `parquet:"image_path"`
		URL  string `parquet:"url"`
	}
	type caption struct {
		Text string `parquet:"caption"`
	}
	type neither struct {
		URL string `parquet:"url"`
	}
	encoded := func(write func(b *bytes.Buffer) error) string {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	table := string(encodeNpy([]float32{1, 0, 0, 1}, 2, Float32))
	for name, c := range map[string]struct {
		file string
		want Hit
	}{
		"images": {encoded(func(b *bytes.Buffer) error {
			return parquet.Write(b, []image{{"/a", "u"}, {"/b", "v"}})
		}), Hit{Rank: 1, Score: 1, Path: "/b", Metadata: columns.Values{{Column: "url", Value: "v"}}}},
		"captions": {encoded(func(b *bytes.Buffer) error {
			return parquet.Write(b, []caption{{"one"}, {"two"}})
		}), Hit{Rank: 1, Score: 1, Caption: "two"}},
		"neither": {encoded(func(b *bytes.Buffer) error { return parquet.Write(b, []neither{{"u"}, {"v"}}) }), Hit{}},
	} {
		dir := t.TempDir()
		restore(t, dir, map[string]string{"img_emb/img_emb_0.npy": table, "metadata/metadata_0.parquet": c.file})
		ix, err := Open(dir)
		if name == "neither" {
			if err == nil {
				t.Error("a table without any known column was read")
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		hits, err := ix.Find(t.Context(), Query{Vector: []float32{0, 1}, Top: 1})
		if err != nil || len(hits) != 1 || !reflect.DeepEqual(hits[0], c.want) {
			t.Errorf("%s: %+v %v", name, hits, err)
		}
		_ = ix.Close()
	}
}

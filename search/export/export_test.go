package export

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/fault"
	"clipgo/search"
	"clipgo/search/columns"
)

// index has three pictures, of which one has no feature of its own, and a row that was removed.
func index(t *testing.T) *search.Folder {
	t.Helper()
	dir := t.TempDir()
	w, err := search.Update(dir, search.Space{Fingerprint: "m", Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.SegmentRows = 2
	if err := w.KeepColumns([]columns.Column{{Name: "rating", Type: columns.Double}, {Name: "author", Type: columns.Text}}); err != nil {
		t.Fatal(err)
	}
	for i, r := range []search.Row{
		{File: search.File{Path: "/a\xff.png", Caption: "a"}, Image: []float32{1, 0}},
		{File: search.File{Path: "/gone.png"}, Image: []float32{1, 0}},
		{File: search.File{Path: "/t", Caption: "t"}, Text: []float32{0, 1}},
		{File: search.File{Path: "/b.png", Caption: "b", Metadata: rated}, Image: []float32{.6, .8}, Text: []float32{.8, .6}},
	} {
		if err := w.Add(r); err != nil {
			t.Fatal(i, err)
		}
	}
	w.Remove("/gone.png")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ix, err := search.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

func exported(t *testing.T, table search.Table, form Form) (string, Result) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	r, err := Write(t.Context(), index(t), table, form, out)
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

var rated = columns.Values{{Column: "rating", Value: 2.5}}

func TestParquetHasTheLiveRows(t *testing.T) {
	out, r := exported(t, search.Images, Parquet)
	type row struct {
		parquetRow
		Rating *float64 `parquet:"rating,optional"`
		Author *string  `parquet:"author,optional"`
	}
	rows, err := parquet.ReadFile[row](out)
	if err != nil || len(rows) != 2 || r.Rows != 2 || r.Left != 1 {
		t.Fatal(rows, r, err)
	}
	last := rows[1].Embedding
	if rows[0].Path != "file:///a%FF.png" || rows[1].Caption != "b" || len(last) != 2 || math.Abs(float64(last[1])-.8) > 1e-6 {
		t.Errorf("%+v", rows)
	}
	if rows[0].Rating != nil || rows[1].Rating == nil || *rows[1].Rating != 2.5 || rows[1].Author != nil {
		t.Errorf("further columns: %+v", rows)
	}
}

func TestNpyAndItsRowsFit(t *testing.T) {
	out, r := exported(t, search.Texts, Npy)
	data, err := os.ReadFile(filepath.Join(out, "features.npy"))
	if err != nil || r.Rows != 2 || len(data) != 128+16 || !strings.Contains(string(data), "'shape': (2, 2)") {
		t.Fatalf("%q %+v %v", data, r, err)
	}
	if v := math.Float32frombits(binary.LittleEndian.Uint32(data[128+4:])); v != 1 {
		t.Errorf("the first row ends in %v", v)
	}
	lines, err := os.ReadFile(filepath.Join(out, "rows.jsonl"))
	want := `{"path":"/t","caption":"t"}` + "\n" + `{"path":"/b.png","caption":"b","metadata":{"rating":2.5}}` + "\n"
	if err != nil || string(lines) != want {
		t.Errorf("%q, %v", lines, err)
	}
}

// TestFaissHasItsHeader compares with the bytes that faiss 1.12 writes for an IndexFlatIP of two rows of two.
func TestFaissHasItsHeader(t *testing.T) {
	out, _ := exported(t, search.Images, Faiss)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want := "IxFI\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x01" +
		"\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x00"
	if !strings.HasPrefix(string(data), want) || len(data) != len(want)+8 {
		t.Errorf("%q, want %q and a row", data, want)
	}
	names, err := os.ReadFile(out + ".jsonl")
	want = `{"path":"file:///a%FF.png","caption":"a"}` + "\n" + `{"path":"/b.png","caption":"b","metadata":{"rating":2.5}}` + "\n"
	if err != nil || string(names) != want {
		t.Errorf("%q, %v", names, err)
	}
}

func TestTheExportForClipRetrievalIsAnIndex(t *testing.T) {
	out, r := exported(t, search.Images, ClipRetrieval)
	ix, err := search.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if info := ix.Info(); info.Rows != 3 || info.Live != 3 || r.Rows != 3 {
		t.Errorf("%+v, %+v", info, r)
	}
}

func TestWrongExportsAreRefused(t *testing.T) {
	ix := index(t)
	if _, err := Write(t.Context(), ix, search.Images, "xml", filepath.Join(t.TempDir(), "x")); fault.Of(err) != fault.Usage {
		t.Errorf("an unknown form: %v", err)
	}
	if _, err := Write(t.Context(), ix, search.Images, Npy, t.TempDir()); fault.Of(err) != fault.Usage {
		t.Errorf("a folder that exists: %v", err)
	}
}

package search

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
)

// clip-retrieval's own folder, without meta.json: the rows exactly, the scores to what the fixtures promise of float32.
func TestGoldenIndex(t *testing.T) {
	dir := golden.Dir(t, "index")
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	queries := golden.Tensors(t, filepath.Join(dir, "queries.safetensors"))["queries"]
	type line struct {
		Query      int
		Target     string
		Rows       []int
		Scores     []float64
		ImagePaths []string `json:"image_paths"`
	}
	dim := queries.Shape[1]
	for _, want := range golden.Lines[line](t, filepath.Join(dir, "neighbours.jsonl")) {
		t.Run(fmt.Sprintf("%s-%d", want.Target, want.Query), func(t *testing.T) {
			table := Images
			if want.Target == "text" {
				table = Texts
			}
			got, err := ix.Nearest(t.Context(), queries.F32[want.Query*dim:(want.Query+1)*dim], len(want.Rows), table)
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range got {
				if n.Row != want.Rows[i] || math.Abs(n.Score-want.Scores[i]) > 1e-5 {
					t.Errorf("place %d: row %d with %v, want %d with %v", i, n.Row, n.Score, want.Rows[i], want.Scores[i])
				}
			}
			rows, err := ix.details(got)
			if err != nil {
				t.Fatal(err)
			}
			for i, path := range want.ImagePaths {
				if rows[i].Path != path {
					t.Errorf("place %d: %s, want %s", i, rows[i].Path, path)
				}
			}
		})
	}
}

// Writing numpy's own table again gives numpy's bytes.
func TestGoldenIndexTablesRoundTrip(t *testing.T) {
	dir := golden.Dir(t, "index")
	files, err := filepath.Glob(filepath.Join(dir, "*_emb", "*.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			table, err := openTable(path)
			if err != nil {
				t.Fatal(err)
			}
			defer table.close()
			var rows []float32
			for i := range table.rows {
				rows = append(rows, table.row(i)...)
			}
			if got := encodeNpy(rows, table.dim, table.dtype()); !bytes.Equal(got, want) {
				t.Error("other bytes")
			}
		})
	}
}

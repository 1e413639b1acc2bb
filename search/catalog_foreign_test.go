package search

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A part of clip-retrieval's without metadata has rows of which nothing is known; those of the other parts keep their numbers.
func TestACatalogHasTheRowsOfPartsWithoutMetadata(t *testing.T) {
	type image struct {
		Path string `parquet:"image_path"`
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, []image{{"/p/a.jpg"}, {"/p/b.jpg"}}); err != nil {
		t.Fatal(err)
	}
	table := string(encodeNpy([]float32{1, 0, 0, 1}, 2, Float32))
	for name, c := range map[string]struct {
		files map[string]string
		paths string
	}{
		"the first part": {map[string]string{"metadata/metadata_1.parquet": b.String()}, " /p/a.jpg /p/b.jpg"},
		"the last part":  {map[string]string{"metadata/metadata_0.parquet": b.String()}, "/p/a.jpg /p/b.jpg "},
		"all parts":      {map[string]string{}, "  "},
	} {
		dir := t.TempDir()
		c.files["img_emb/img_emb_0.npy"], c.files["img_emb/img_emb_1.npy"] = table, table
		restore(t, dir, c.files)
		ix, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		cat, err := ix.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for row := range ix.Info().Rows {
			d, err := cat.Detail(row)
			if err != nil || !d.Live {
				t.Errorf("%s: row %d: %+v, %v", name, row, d, err)
			}
			paths = append(paths, d.Path)
		}
		if got := strings.Join(paths, " "); strings.TrimSpace(got) != strings.TrimSpace(c.paths) || len(paths) != 4 {
			t.Errorf("%s: paths %q", name, got)
		}
		if n := cat.Select(Selection{}).Count(); n != 4 || len(cat.Newest(Selection{})) != 4 {
			t.Errorf("%s: %d rows are selected", name, n)
		}
		_ = ix.Close()
	}
}

// Hashes are found by their beginning, also those that are no SHA-256, and a dead row isn't.
func TestACatalogFindsRowsByTheBeginningOfTheirHash(t *testing.T) {
	long := []string{strings.Repeat("ab", 32), strings.Repeat("0c", 32), "ab12" + strings.Repeat("0", 60), strings.Repeat("0c", 32)}
	c := catalogOf(t, File{Path: "/a", Hash: long[0]}, File{Path: "/b", Hash: long[1]}, File{Path: "/c", Hash: long[2]},
		File{Path: "/d", Hash: long[3]}, File{Path: "/e", Hash: "AB77"}, File{Path: "/f"})
	for hash, want := range map[string]int{long[0]: 0, "ab1": 2, "aba": 0, "0c0": 1, "AB7": 4, "AB": 4,
		"ff": -1, "": -1, long[0] + "a": -1, "0d": -1} {
		if got := c.RowOf(hash); got != want {
			t.Errorf("%q: row %d, want %d", hash, got, want)
		}
	}
	if c.live.Remove(1); c.RowOf("0c0") != 3 {
		t.Errorf("row %d, where the first with the hash is dead", c.RowOf("0c0"))
	}
}

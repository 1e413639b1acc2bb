package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/exif/exiftest"
)

// elsewhere embeds pictures with notes, as another process does. The files are gone before the index gets the notes.
type elsewhere struct {
	alike
	lost string // goes away before its note is taken
}

func (e *elsewhere) EmbedPairs(ctx context.Context, src datasets.Source, samples []int, _ []string,
	use func([]int, []float32, [][]float32, [][]byte) error, _ func(datasets.Skip)) error {
	var places []int
	var features []float32
	var notes [][]byte
	for place, sample := range samples {
		entry, err := src.Entry(ctx, sample)
		if err != nil {
			return err
		}
		if entry.Key == e.lost {
			err = os.Remove(entry.File)
		}
		note, wrong := Note(ctx, src, sample)
		if err = errors.Join(err, wrong); err != nil {
			return err
		}
		if entry.Key != e.lost {
			err = os.Remove(entry.File)
		}
		if err != nil {
			return err
		}
		places, features, notes = append(places, place), append(features, 1, 0, 0), append(notes, note)
	}
	return use(places, features, make([][]float32, len(places)), notes)
}

// A row has the hash and the facts of the note; its file isn't read again. A picture that was gone when the note was taken has failed.
func TestNotesAreTakenWhereAPictureIsEmbedded(t *testing.T) {
	dir, index := t.TempDir(), filepath.Join(t.TempDir(), "index")
	files := map[string][]byte{}
	for name, f := range map[string]exiftest.Facts{"a.jpg": {Model: "Rollei 35\xff"}, "b.jpg": {}, "c.jpg": {Model: "Leica"}} {
		files[name] = f.JPEG(8, 8)
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lost := filepath.Join(dir, "c.jpg")
	r, err := run(t, t.Context(), index, &elsewhere{lost: lost}, Options{Paths: []string{dir}, MaxSkip: 1})
	if err != nil || r.Added != 2 || r.Failed != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := cameras(t, index); got["a.jpg"] != "Rollei 35\ufffd" || got["b.jpg"] != "" || len(got) != 2 {
		t.Errorf("%v", got)
	}
	ix, err := search.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for row, err := range ix.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(files[filepath.Base(row.Path)])
		if want := hex.EncodeToString(sum[:]); row.Hash != want {
			t.Errorf("%s has hash %s, want %s", row.Path, row.Hash, want)
		}
	}
}

package datasets

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
)

func TestSeveralSourcesAreOne(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := put("a.png", "picture a")
	b := put("photos/b.png", "picture b")
	table := put("list.csv", "filepath,title\na.png,one\nphotos/b.png,two\n")
	shards := filepath.Join(golden.Own(t, "webdataset"), "pairs")
	names := []string{table, a, "builtin:shapes?n=3", filepath.Dir(b), shards, b}
	s, err := OpenAll(t.Context(), names, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i := 0
	for _, part := range []string{table, a, b, "builtin:shapes?n=3", shards} {
		alone, err := Open(t.Context(), part, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for n := range alone.Len() {
			got, want := entryOf(t, s, i), entryOf(t, alone, n)
			if got.Key != want.Key || got.File != want.File || got.Label != -1 || len(got.Captions) != len(want.Captions) {
				t.Errorf("sample %d is %+v, want %+v", i, got, want)
			}
			x, errX := s.Picture(t.Context(), i)
			y, errY := alone.Picture(t.Context(), n)
			if (errX == nil) != (errY == nil) || !bytes.Equal(x.File, y.File) || !bytes.Equal(x.RGB, y.RGB) {
				t.Errorf("sample %d, %s, has another picture than alone: %v, %v", i, got.Key, errX, errY)
			}
			i++
		}
		alone.Close()
	}
	if s.Len() != i {
		t.Errorf("%d samples, want %d", s.Len(), i)
	}
	if _, err := OpenAll(t.Context(), append(names, filepath.Join(dir, "nowhere.csv")), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part that does not exist: %v", err)
	}
}

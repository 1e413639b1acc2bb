package search

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// dropCodes makes an open index search its tables.
func dropCodes(t testing.TB, ix *Folder) {
	t.Helper()
	for _, p := range ix.parts {
		for _, table := range p.tables() {
			if err := table.codes.close(); err != nil {
				t.Fatal(err)
			}
			table.codes = nil
		}
	}
}

// coded is how many of an index's tables have codes.
func coded(t *testing.T, dir string) (n int) {
	t.Helper()
	ix, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	for _, p := range ix.parts {
		for _, table := range p.tables() {
			if table.codes != nil {
				n++
			}
		}
	}
	return n
}

// TestASearchByCodesReadsFewRows cuts the table of an open index: a query that is far from most rows doesn't notice.
func TestASearchByCodesReadsFewRows(t *testing.T) {
	const n, dim = 3000, 64
	rows := unitRows(rand.New(rand.NewPCG(1, 1)), n, dim)
	dir := t.TempDir()
	ix := buildIndex(t, dir, Space{Fingerprint: "m", Dim: dim}, rows)
	for i := range 3 {
		if err := os.Truncate(filepath.Join(dir, imageFile(i)), 4096); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ix.Nearest(t.Context(), rows[:dim], 1, Images) // itself, in the part that is left
	if err != nil || got[0].Row != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCodesAreMadeAgain(t *testing.T) {
	const dim = 8
	dir := t.TempDir()
	buildIndex(t, dir, Space{Fingerprint: "m", Dim: dim}, unitRows(rand.New(rand.NewPCG(1, 1)), 30, dim))
	file := func(i int) string { return filepath.Join(dir, filepath.FromSlash(codesFile(imageFile(i)))) }
	first, err := os.ReadFile(file(0))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(file(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(file(0)), os.WriteFile(file(1), first, 0o644), os.WriteFile(file(2), second[:50], 0o644)); err != nil {
		t.Fatal(err)
	}
	if n := coded(t, dir); n != 0 {
		t.Fatalf("%d tables use codes that are missing, another's, or cut", n)
	}
	w, err := Update(dir, Space{Fingerprint: "m", Dim: dim})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	back, err := os.ReadFile(file(0))
	if n := coded(t, dir); n != 3 || err != nil || !slices.Equal(back, first) {
		t.Errorf("%d tables have codes, %v", n, err)
	}
}

func TestDamagedCodesAreFoundAndReplaced(t *testing.T) {
	const dim = 8
	dir := t.TempDir()
	space := Space{Fingerprint: "m", Dim: dim}
	buildIndex(t, dir, space, unitRows(rand.New(rand.NewPCG(1, 1)), 30, dim))
	path := filepath.Join(dir, filepath.FromSlash(codesFile(imageFile(1))))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-3] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	damaged, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	var corrupt *CorruptError
	if err := damaged.Verify(); !errors.As(err, &corrupt) || corrupt.File != path {
		t.Errorf("verify said %v", err)
	}
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	mended, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer mended.Close()
	if err := mended.Verify(); err != nil {
		t.Error(err)
	}
}

func TestCodesLeaveWithTheirSegment(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "/a", 1) })
	update(t, dir, func(w *Writer) { add(t, w, "/b", 2) })
	update(t, dir, func(w *Writer) { w.Remove("/a") })
	left, err := os.ReadDir(filepath.Join(dir, "codes"))
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
	stray := filepath.Join(dir, "codes", "img_emb_7.i8")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	update(t, dir, func(w *Writer) {})
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("codes of no segment are left: %v", err)
	}
}

// Whatever is in the place of codes, an index without them works.
func TestWhatIsNoCodesIsLeftAlone(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a file":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "codes"), nil, 0o644) },
		"a link":   func(dir string) error { return os.Symlink("codes", filepath.Join(dir, "codes")) },
		"a folder": func(dir string) error { return os.MkdirAll(filepath.Join(dir, "codes", "img_emb_0.i8"), 0o755) },
	} {
		dir := t.TempDir()
		update(t, dir, func(w *Writer) { add(t, w, "/a", 1) })
		if err := errors.Join(os.RemoveAll(filepath.Join(dir, "codes")), make(dir)); err != nil {
			t.Fatal(err)
		}
		check(t, dir, map[string]int{"/a": 1})
		if name == "a folder" { // a new segment's codes go beside it
			update(t, dir, func(w *Writer) { add(t, w, "/b", 2) })
			check(t, dir, map[string]int{"/a": 1, "/b": 2})
		}
	}
}

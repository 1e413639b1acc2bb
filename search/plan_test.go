package search

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Another size or caption is another row, whatever the time of the file says. A caption that another row of the same picture has comes
// with that row's features.
func TestPlanLooksAtSizeAndCaption(t *testing.T) {
	known := map[string]details{
		"/p/a": {Path: "/p/a", Size: 1, MTime: 1, Hash: "h", Caption: "old"},
		"/p/b": {Path: "/p/b", Size: 1, MTime: 1, Hash: "h", Caption: "new"},
		"/p/c": {Path: "/p/c", Size: 3, MTime: 1, Hash: "h3"},
	}
	found := []File{{Path: "/p/a", Size: 1, MTime: 1, Caption: "new"}, {Path: "/p/b", Size: 1, MTime: 1, Caption: "new"},
		{Path: "/p/c", Size: 4, MTime: 1}}
	p := plan(known, found, Scope{Roots: []string{"/p"}}, func(int) (string, error) { return "h", nil }, func(string) bool { return false })
	if len(p.Copy) != 1 || p.Copy[0].File.Path != "/p/a" || p.Copy[0].From != "/p/b" || p.Copy[0].Moved || p.Replaced != 1 ||
		p.Unchanged != 1 || !slices.Equal(p.Embed, []int{2}) {
		t.Errorf("%+v", p)
	}
}

// Only a path at which there could be a file is gone without one: not a picture of a built-in set, nor a member of an archive.
func TestWhatHasVanished(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.tar")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{file: false, filepath.Join(dir, "b.png"): true, filepath.Join(file, "a.png"): false,
		"emoji/heart": false} {
		if got := vanished(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// A moved row leaves its old path with the same commit: a kill after it must not leave both.
func TestAMoveIsOneCommit(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "/p/old", 1) })
	w, err := Update(dir, space)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.SegmentRows = 1 // each row is a commit
	p := Plan{Copy: []Copy{{File: source("/p/new", 1), From: "/p/old", Moved: true}}, Remove: []string{"/p/old"}}
	if err := w.Follow(p); err != nil {
		t.Fatal(err)
	}
	check(t, dir, map[string]int{"/p/new": 1})
}

// The place of the model is kept when it is another one, although no row changes; a commit without changes writes nothing.
func TestOnlyChangesAreWritten(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "a", 0) })
	moved := space
	moved.Model = "runs/other"
	w, err := Update(dir, moved)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if m, _, err := readMeta(dir); err != nil || m.Model != moved.Model {
		t.Errorf("%q, %v", m.Model, err)
	}
	if err := os.Chmod(filepath.Join(dir, metaName), 0o600); err != nil { // which a new file wouldn't have
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, metaName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("written again: %v %v", info.Mode(), err)
	}
}

// Only files are swept: what a user put under such a name stays.
func TestOnlyFilesAreSwept(t *testing.T) {
	dir := t.TempDir()
	update(t, dir, func(w *Writer) { add(t, w, "a", 0) })
	folder, link, rest := filepath.Join(dir, "img_emb", "img_emb_7.npy"), filepath.Join(dir, rowsFile(7)), filepath.Join(dir, textFile(7))
	if err := errors.Join(os.Mkdir(folder, 0o755), os.Symlink("nowhere", link), os.WriteFile(rest, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	update(t, dir, func(*Writer) {})
	for path, stays := range map[string]bool{folder: true, link: true, rest: false} {
		if _, err := os.Lstat(path); (err == nil) != stays {
			t.Errorf("%s: %v", path, err)
		}
	}
}

package durable

import (
	"os"
	"path/filepath"
	"testing"
)

// A link is the old or the new one whatever fails, and nothing else is left.
func TestALinkIsOldOrNewWhateverFails(t *testing.T) {
	for fail := range 4 {
		dir := t.TempDir()
		path := filepath.Join(dir, "best")
		if err := Symlink("old", path); err != nil {
			t.Fatal(err)
		}
		n := 0
		stop := Observe(func(o Operation) error {
			if n++; n == fail && o.Kind != Remove {
				return errFault
			}
			return nil
		})
		err := Symlink("new", path)
		stop()
		got, wrong := os.Readlink(path)
		want := "new"
		if fail == 1 { // the rename
			want = "old"
		}
		if wrong != nil || got != want || fail == 1 && err == nil {
			t.Errorf("operation %d fails: %s, %v, %v", fail, got, wrong, err)
		}
		if names := ls(t, dir); len(names) != 1 {
			t.Errorf("operation %d fails: left %v", fail, names)
		}
	}
}

// A directory verifies by the name of a link to it.
func TestALinkToADirectoryVerifies(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFiles(filepath.Join(dir, "d"), []File{{"a", text("x")}}); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := Symlink("d", link); err != nil {
		t.Fatal(err)
	}
	if err := Verify(link); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(dir, "d", "a"), "y")
	if err := Verify(link); err == nil {
		t.Error("a changed file verifies")
	}
}

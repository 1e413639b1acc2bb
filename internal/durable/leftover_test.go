package durable

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLeftoversOfKilledWritersAreRemoved(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	put(t, filepath.Join(parent, ".model.tmp-0123456789abcdef", "weights"), "half")
	keep := []string{".model.tmp-mine", ".model2.tmp-0123456789abcdef", "other", ".model.old-0123456789abcdef", "model"}
	for _, name := range keep[:4] {
		put(t, filepath.Join(parent, name, "file"), "keep")
	}
	if err := os.Symlink("other", filepath.Join(parent, ".model.tmp-aaaaaaaaaaaaaaaa")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFiles(dir, []File{{"a", text("whole")}}); err != nil {
		t.Fatal(err)
	}
	want := append(keep, ".model.tmp-aaaaaaaaaaaaaaaa")
	slices.Sort(want)
	if got := ls(t, parent); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A live writer's directory is not a leftover, in another process or in this one.
func TestLiveWritersAreLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "model")
	err := WriteDir(dir, func(tmp string) error {
		put(t, filepath.Join(tmp, "a"), "first")
		if err := WriteFiles(dir, []File{{"a", text("second")}}); err != nil {
			t.Error(err)
		}
		if got := get(t, filepath.Join(tmp, "a")); got != "first" {
			t.Errorf("%q", got)
		}
		return nil
	})
	if err != nil || get(t, filepath.Join(dir, "a")) != "first" {
		t.Errorf("%v", err)
	}
	if got := ls(t, filepath.Dir(dir)); !slices.Equal(got, []string{"model"}) {
		t.Errorf("%q", got)
	}
}

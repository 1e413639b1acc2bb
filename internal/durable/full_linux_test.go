package durable

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A real full disk: the old content stays, nothing is left, and with room made the same call works.
func TestFullDiskKeepsTheOldContent(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	path, dir := filepath.Join(disk, "f"), filepath.Join(disk, "d")
	put(t, path, "old")
	if err := WriteDir(dir, content("old")); err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("x"), 200<<10)
	put(t, filepath.Join(disk, "ballast"), string(big[:100<<10]))
	write := func(w io.Writer) error {
		_, err := w.Write(big)
		return err
	}
	file := func() error { return WriteFile(path, 0o644, write) }
	folder := func() error {
		return WriteDir(dir, func(tmp string) error { return os.WriteFile(filepath.Join(tmp, "a"), big, 0o644) })
	}
	if err := file(); !errors.Is(err, syscall.ENOSPC) || get(t, path) != "old" {
		t.Errorf("file: %v", err)
	}
	if err := folder(); !errors.Is(err, syscall.ENOSPC) || Verify(dir) != nil {
		t.Errorf("directory: %v", err)
	}
	if names := ls(t, disk); !slices.Equal(names, []string{"ballast", "d", "f"}) {
		t.Errorf("left %q", names)
	}
	if err := os.Remove(filepath.Join(disk, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := file(); err != nil || len(get(t, path)) != len(big) {
		t.Errorf("with room: %v", err)
	}
}

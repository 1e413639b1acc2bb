package bounded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	pipe, file, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(file, []byte("text"), 0o600), os.Symlink("/dev/zero", link))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe, link, "/dev/null"} { // a pipe without a writer doesn't block
		if _, err := ReadFile(path, 9); !errors.Is(err, ErrIrregular) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	f, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestFilesAreReadUpToTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, n := range []int{0, 1, 9, 10} {
		if err := os.WriteFile(path, []byte(strings.Repeat("x", n)), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := ReadFile(path, 9)
		if size := (*SizeError)(nil); errors.As(err, &size) != (n > 9) || n <= 9 && len(data) != n {
			t.Errorf("%d bytes: read %d, %v", n, len(data), err)
		}
	}
}

// A file that grows after its size was read.
func TestAGrowingFileEndsAtTheLimit(t *testing.T) {
	data, err := readAll(strings.NewReader(strings.Repeat("x", 5000)), 10, 999)
	if err != nil || len(data) != 1000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

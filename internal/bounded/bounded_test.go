package bounded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnlyRegularFilesUpToTheLimit(t *testing.T) {
	dir := t.TempDir()
	small, large, pipe := filepath.Join(dir, "small"), filepath.Join(dir, "large"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(small, []byte("12345"), 0o644), os.WriteFile(large, nil, 0o644), os.Truncate(large, 1<<40),
		unix.Mkfifo(pipe, 0o644)); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(small, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q %v", data, err)
	}
	for path, limit := range map[string]int64{small: 4, large: 1 << 20} {
		var much *TooLargeError
		if _, err := ReadFile(path, limit); !errors.As(err, &much) || much.Limit != limit {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{pipe, dir, "/dev/zero"} {
		if _, err := ReadFile(path, 10); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

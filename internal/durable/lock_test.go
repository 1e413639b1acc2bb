package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

func TestADiscardedLockLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file stays: %v", err)
	}
}

// TestADiscardedFileIsNotTheLock locks a file whose owner removed it after it was opened: two would own the path.
func TestADiscardedFileIsNotTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := flock.New(path)
	if ok, err := l.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if !current(l) {
		t.Error("the file at the path is not taken for itself")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if current(l) {
		t.Error("a removed file counts as the lock")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if current(l) {
		t.Error("a removed file counts as the lock where another is in its place")
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
}

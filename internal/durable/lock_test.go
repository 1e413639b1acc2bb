package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
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

// TestALockIsNeitherALinkNorAPipe has another kind of file at the path: nothing is written through it and nothing is waited for.
func TestALockIsNeitherALinkNorAPipe(t *testing.T) {
	dir := t.TempDir()
	victim, link, pipe := filepath.Join(dir, "victim"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(victim, []byte("text"), 0o600), os.Symlink(victim, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe, dir} {
		if l, err := Acquire(path); err == nil || errors.Is(err, ErrLocked) {
			t.Errorf("%s: got %v, %v", path, l, err)
		}
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "text" {
		t.Errorf("the link's target holds %q, %v", data, err)
	}
}

// TestALockedDirectoryStaysLocked removes the lock file while the lock is held.
func TestALockedDirectoryStaysLocked(t *testing.T) {
	dir := t.TempDir()
	l, err := AcquireDir(dir, "lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := AcquireDir(dir, "lock"); !errors.Is(err, ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := AcquireDir(dir, "lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestALockKnowsThatItsDirectoryIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := AcquireDir(dir, "lock")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Release() }()
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); !errors.Is(err, ErrReplaced) {
		t.Errorf("renamed: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); !errors.Is(err, ErrReplaced) {
		t.Errorf("another in its place: %v", err)
	}
}

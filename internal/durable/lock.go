package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"clipgo/internal/fault"
)

// ErrLocked reports that a running process, perhaps this one, holds the lock.
var ErrLocked = fault.New(fault.InUse, "locked")

// ErrReplaced reports that a locked directory is no longer at its path.
var ErrReplaced = errors.New("the directory was removed, renamed or replaced while it was in use")

// Lock is a held lock file. The kernel releases it when the process ends for any reason.
type Lock struct {
	file *flock.Flock
	dir  *os.File // of AcquireDir; nil otherwise
}

// Acquire takes the lock at path, or fails immediately with ErrLocked. It creates the file if it is missing. A link or anything else that
// is not a regular file is refused. The file stays after Release; Discard removes it.
func Acquire(path string) (*Lock, error) {
	// A link is not followed, and a named pipe is not waited for.
	l := flock.New(path, flock.SetPermissions(0o644), flock.SetFlag(os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK))
	for {
		ok, err := l.TryLock()
		if errors.Is(err, syscall.ELOOP) || err == nil && !regular(l) {
			return nil, errors.Join(fmt.Errorf("lock %s: it is not a regular file; remove it", path), l.Unlock())
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !ok {
			return nil, fmt.Errorf("%s: %w%s", path, ErrLocked, owner(path))
		}
		if current(l) {
			break
		}
		if err := l.Unlock(); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
	// The process id is only for the error message of another process; the lock doesn't depend on it.
	if f, err := openLock(path, os.O_WRONLY|os.O_TRUNC); err == nil {
		_, _ = fmt.Fprintln(f, os.Getpid())
		_ = f.Close()
	}
	return &Lock{file: l}, nil
}

// AcquireDir locks a directory by a lock file in it and by its own descriptor, so that removing the file doesn't let a second process in.
func AcquireDir(dir, name string) (*Lock, error) {
	path := dir + string(os.PathSeparator) + name
	for {
		held, err := os.Open(dir)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		switch err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("%s: %w%s", path, ErrLocked, owner(path)), held.Close())
		case err != nil: // some network file systems have no locks of directories: the file has to do
		}
		if !sameDir(held, dir) { // its owner removed it between our opening and our locking it
			if err := held.Close(); err != nil {
				return nil, fmt.Errorf("lock: %w", err)
			}
			continue
		}
		l, err := Acquire(path)
		if err != nil {
			return nil, errors.Join(err, held.Close())
		}
		l.dir = held
		return l, nil
	}
}

// openLock opens a lock file for its text; no link is followed, and no named pipe is waited for.
func openLock(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// regular reports whether the file that is locked, if it is, is a regular one.
func regular(l *flock.Flock) bool {
	info, err := l.Stat()
	return err != nil || info.Mode().IsRegular()
}

// current reports whether the file that is locked is still the one at its path: its owner may have discarded it between
// our opening and our locking it.
func current(l *flock.Flock) bool {
	ours, err1 := l.Stat()
	there, err2 := os.Stat(l.Path())
	return err1 == nil && err2 == nil && os.SameFile(ours, there)
}

// sameDir reports whether an open directory is the one at a path.
func sameDir(open *os.File, path string) bool {
	ours, err1 := open.Stat()
	there, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(ours, there)
}

// owner names the process whose id is in the lock file; empty if there is none.
func owner(path string) string {
	f, err := openLock(path, os.O_RDONLY)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" by process %d", pid)
}

// Check returns ErrReplaced if the locked directory is no longer at its path: what is written there would not be where the lock is.
func (l *Lock) Check() error {
	if l.dir != nil && !sameDir(l.dir, l.dir.Name()) {
		return fmt.Errorf("%s: %w", l.dir.Name(), ErrReplaced)
	}
	return nil
}

// Release releases the lock. A second call does nothing.
func (l *Lock) Release() error {
	if l.dir == nil {
		return l.file.Unlock()
	}
	dir := l.dir
	l.dir = nil
	return errors.Join(l.file.Unlock(), dir.Close())
}

// Discard removes the file and releases the lock, for a lock that is not needed any more.
func (l *Lock) Discard() error { return errors.Join(os.Remove(l.file.Path()), l.Release()) }

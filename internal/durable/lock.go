package durable

import (
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// ErrLocked reports that a running process, perhaps this one, holds the lock.
var ErrLocked = fault.New(fault.InUse, "locked")

// Lock is a held lock file. The kernel releases it when the process ends for any reason.
type Lock struct{ file *flock.Flock }

// Acquire takes the lock at path, or fails immediately with ErrLocked. It creates the file if it is missing. The file stays after
// Release; Discard removes it.
func Acquire(path string) (*Lock, error) {
	l := flock.New(path, flock.SetPermissions(0o644))
	for {
		ok, err := l.TryLock()
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
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
	return &Lock{l}, nil
}

// current reports whether the file that is locked is still the one at its path: its owner may have discarded it between
// our opening and our locking it.
func current(l *flock.Flock) bool {
	ours, err1 := l.Stat()
	there, err2 := os.Stat(l.Path())
	return err1 == nil && err2 == nil && os.SameFile(ours, there)
}

// owner names the process whose id is in the lock file; empty if there is none.
func owner(path string) string {
	data, err := bounded.ReadFile(path, bounded.LockFile)
	if err != nil {
		return ""
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" by process %d", pid)
}

// Release releases the lock. A second call does nothing.
func (l *Lock) Release() error { return l.file.Unlock() }

// Discard removes the file and releases the lock, for a lock that is not needed any more.
func (l *Lock) Discard() error { return errors.Join(os.Remove(l.file.Path()), l.file.Unlock()) }

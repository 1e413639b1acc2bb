package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"golang.org/x/sys/unix"
)

// scratch makes a temporary directory next to dir and locks it for as long as this process lives, so that another one can tell it from the
// leftover of a killed process. release gives the lock back. Where the file system has no locks there is none.
func scratch(d disk, dir string) (tmp string, release func(), err error) {
	for range 3 {
		tmp = beside(dir, partial)
		if err := d.mkdir(tmp); err != nil {
			return tmp, func() {}, err
		}
		release = claim(tmp)
		if _, err := os.Lstat(tmp); err == nil {
			return tmp, release, nil
		}
		release() // another process took it for a leftover between the two calls
	}
	return tmp, func() {}, fmt.Errorf("%s: another process removes it", tmp)
}

// claim locks a directory.
func claim(dir string) (release func()) {
	f, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // without it nobody may tell, and nobody removes
	return func() { _ = f.Close() }
}

// orphaned reports whether nobody holds the lock of a temporary directory.
func orphaned(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// removeLeftovers removes the temporary directories for dir that killed processes left. A failure is no reason not to write: nothing but
// space is lost.
func removeLeftovers(dir string) { eachLeftover(dir, removeOrphan) }

// SweepFile removes the leftovers of interrupted writes of a file. The caller must be the file's only writer.
func SweepFile(file string) {
	eachLeftover(file, func(left string) {
		if st, err := os.Lstat(left); err == nil && st.Mode().IsRegular() {
			_ = os.Remove(left)
		}
	})
}

// eachLeftover calls use with the temporary files and directories beside a path that a write of it may have left.
func eachLeftover(dir string, use func(left string)) {
	name := regexp.MustCompile(`^\.` + regexp.QuoteMeta(filepath.Base(dir)) + `\.` + partial + `-[0-9a-f]{16}$`)
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return
	}
	defer parent.Close()
	for {
		names, err := parent.Readdirnames(1000)
		for _, n := range names {
			if name.MatchString(n) {
				use(filepath.Join(filepath.Dir(dir), n))
			}
		}
		if err != nil || len(names) == 0 {
			return
		}
	}
}

func removeOrphan(path string) {
	if st, err := os.Lstat(path); err == nil && st.IsDir() && orphaned(path) {
		_ = os.RemoveAll(path)
	}
}

// giveUp removes a temporary directory after an error.
func giveUp(d disk, tmp string, release func(), err error) error {
	err = errors.Join(err, d.removeAll(tmp))
	release()
	return err
}

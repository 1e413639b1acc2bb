// Package bounded reads files that a stranger may have made: only regular files, and no more of them than a limit.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrNotRegular is a path that is no regular file: a directory, a pipe, a device.
var ErrNotRegular = errors.New("not a regular file")

// TooLargeError says that a file is larger than what is read of it.
type TooLargeError struct {
	Path        string
	Size, Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s: more than %d bytes, the limit for such a file", e.Path, e.Limit)
}

// Open opens a regular file for reading. It never waits: a pipe is refused instead of waited for.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // of the open file: the path may lead elsewhere by now
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile reads a regular file of at most limit bytes. A larger one is a *TooLargeError, before anything of it is read.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, &TooLargeError{path, info.Size(), limit}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1)) // it may grow while it is read
	if err == nil && int64(len(data)) > limit {
		err = &TooLargeError{path, int64(len(data)), limit}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

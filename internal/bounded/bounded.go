// Package bounded opens and reads files that may be anything: a pipe, a device, a file that grows, or one that is replaced between
// listing and reading. It opens regular files only, doesn't block, and reads at most a given number of bytes.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrIrregular says that a path names a folder, a pipe, a device or a socket.
var ErrIrregular = errors.New("not a regular file")

// Open opens a regular file for reading. The kind is checked after opening, since the path may name another file by then. Opening a pipe
// doesn't wait for a writer.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrIrregular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// SizeError says that a file has more bytes than the limit allows.
type SizeError struct {
	Path  string
	Limit int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: it has more than %d bytes", e.Path, e.Limit)
}

// ReadFile reads a regular file of at most limit bytes. A longer one is a *SizeError, and at most limit+1 bytes of it are read.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > limit {
		return nil, &SizeError{path, limit}
	}
	data, err := readAll(f, st.Size(), limit)
	if err == nil && int64(len(data)) > limit {
		err = &SizeError{path, limit}
	}
	return data, err
}

// readAll reads at most limit+1 bytes of a file of about size bytes.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	data := make([]byte, 0, size+1) // one more byte, so that the end is found without growing
	r = io.LimitReader(r, limit+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// Package mapped gives whole files as memory without reading them: the pages that are touched are fetched.
package mapped

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrNotRegular is a path that is no regular file: a folder, a pipe, a device.
var ErrNotRegular = errors.New("not a regular file")

// Open maps a regular file for reading; an empty one is nil. Writing to the bytes is a fault, and so is touching them
// after Close.
func Open(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe without a writer would be waited for
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if info.Size() == 0 {
		return nil, nil
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, &fs.PathError{Op: "mmap", Path: path, Err: err}
	}
	return data, nil
}

// Release takes the pages of a mapping out of the process's memory. Those that are touched again are fetched again, from the system's cache
// if they are still there.
func Release(data []byte) error {
	if data == nil {
		return nil
	}
	return unix.Madvise(data, unix.MADV_DONTNEED)
}

// Close unmaps what Open gave.
func Close(data []byte) error {
	if data == nil {
		return nil
	}
	return unix.Munmap(data)
}

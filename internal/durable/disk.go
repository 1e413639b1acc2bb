package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// disk holds the package's file system operations. Tests use implementations that fail at a chosen operation.
type disk interface {
	create(path string, mode fs.FileMode) (file, error) // new and for writing
	open(path string) (file, error)
	mkdir(path string) error
	rename(from, to string) error
	exchange(a, b string) error
	removeAll(path string) error
}

type file interface {
	io.ReadWriteCloser
	Sync() error
}

type osDisk struct{}

func (osDisk) create(path string, mode fs.FileMode) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) open(path string) (file, error) {
	f, err := os.Open(path) // what this program has just written
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) mkdir(path string) error      { return os.Mkdir(path, 0o755) }
func (osDisk) rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) exchange(a, b string) error   { return exchange(a, b) }
func (osDisk) removeAll(path string) error  { return os.RemoveAll(path) }

// syncDir makes the names in a directory durable. Some network file systems don't support it and return an error, which is ignored.
func syncDir(d disk, path string) error {
	f, err := d.open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

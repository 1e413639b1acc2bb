package durable

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// WriteFile replaces a file atomically: at any time path is either the previous file or the complete new one.
//
// The output of write is buffered and goes to a temporary file in path's directory, whose name contains path's name. The mode is subject
// to the umask, as in os.WriteFile.
func WriteFile(path string, mode fs.FileMode, write func(w io.Writer) error) error {
	return writeFile(theDisk(), path, mode, write)
}

func writeFile(d disk, path string, mode fs.FileMode, write func(io.Writer) error) error {
	tmp := beside(path, partial)
	err := fill(d, tmp, mode, write)
	if err == nil {
		err = d.rename(tmp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), d.removeAll(tmp))
	}
	if err := syncDir(d, filepath.Dir(path)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// fill creates and writes a file, syncs it and closes it.
func fill(d disk, path string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := d.create(path, mode)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// The kinds of temporary names in a path's directory.
const (
	partial  = "tmp" // not yet complete
	replaced = "old" // the previous content of the path
)

// beside returns a new hidden name in path's directory, .NAME.KIND-RANDOM.
func beside(path, kind string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%s-%x", filepath.Base(path), kind, b))
}

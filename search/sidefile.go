package search

import (
	"encoding/hex"
	"fmt"
	"path/filepath"

	"clipgo/internal/mapped"
	"clipgo/internal/quantized"
)

// sideFile is a table's rows in another form, T, in a file beside the index's own. It can be lost: a search then reads the table, and the
// next writer makes the file again. meta.json doesn't name it; the file names the digest of the table that it was made from.
type sideFile[T any] struct {
	path  string
	data  []byte
	rows  *T
	check func(data []byte) error
}

// sideForm is how the rows of a table are read from a file, and how the file is compared with its own digest.
type sideForm[T any] struct {
	decode func(data []byte, source quantized.Digest, n, dim int) (*T, error)
	check  func(data []byte) error
}

// open maps the file of a table; nil where there is none that fits.
func (form sideForm[T]) open(path string, t *table, digest string) (*sideFile[T], error) {
	source, ok := parseDigest(digest)
	if !ok {
		return nil, nil
	}
	data, err := mapped.Open(path)
	if err != nil {
		return nil, nil // whatever it is: the table is there
	}
	f := &sideFile[T]{path: path, data: data, check: form.check}
	var unfit error
	err = guarded(path, func() error {
		f.rows, unfit = form.decode(data, source, t.rows, t.dim)
		return nil
	})
	if err != nil || unfit != nil {
		return nil, mapped.Close(data)
	}
	return f, nil
}

func parseDigest(text string) (d quantized.Digest, ok bool) {
	n, err := hex.Decode(d[:], []byte(text))
	return d, err == nil && n == len(d)
}

func (f *sideFile[T]) close() error {
	if f == nil {
		return nil
	}
	data := f.data
	f.data, f.rows = nil, nil
	return mapped.Close(data)
}

// whole reports whether the file is there and is as it was written.
func (f *sideFile[T]) whole() bool { return f != nil && f.verify() == nil }

// verify compares the file with its own digest; one that isn't there has no damage.
func (f *sideFile[T]) verify() error {
	if f == nil {
		return nil
	}
	return guarded(f.path, func() error {
		if err := f.check(f.data); err != nil {
			return &CorruptError{f.path, "its SHA-256 is not the one that it has: delete it, and the next embed makes it again"}
		}
		return nil
	})
}

// sideFiles are the names of the files beside a table.
func sideFiles(name string) []string { return []string{codesFile(name), bitsFile(name)} }

// writeSide writes a file beside a table, whose file has this digest.
func (w *Writer) writeSide(name, digest string, encode func(source quantized.Digest) []byte) error {
	source, ok := parseDigest(digest)
	if !ok {
		return fmt.Errorf("%q is not a SHA-256", digest)
	}
	return w.disk.write(filepath.Join(w.dir, filepath.FromSlash(name)), encode(source))
}

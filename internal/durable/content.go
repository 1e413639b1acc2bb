package durable

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
)

// File is a file of a directory: its name, and the function that writes its content.
type File struct {
	Name  string
	Write func(w io.Writer) error
}

// WriteFiles writes a directory of files as WriteDir does.
func WriteFiles(dir string, files []File) error {
	d := theDisk()
	return writeDir(d, filepath.Clean(dir), func(tmp string) error {
		for _, f := range files {
			if err := f.writeIn(d, tmp); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return nil
	})
}

func (f File) writeIn(d disk, dir string) error {
	w, err := d.create(filepath.Join(dir, f.Name), 0o644)
	if err != nil {
		return err
	}
	if err := f.Write(w); err != nil {
		_ = w.Close() // the directory is removed
		return err
	}
	return w.Close()
}

// WriteJSON replaces a file by a value's JSON, as WriteFile does and EncodeJSON writes it.
func WriteJSON(path string, v any) error {
	return WriteFile(path, 0o644, func(w io.Writer) error { return EncodeJSON(w, v) })
}

// EncodeJSON writes a value as JSON for people to read: two spaces of indentation, <, > and & as they are.
func EncodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

package search

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clipgo/internal/fault"
	"clipgo/internal/share"
	"clipgo/search/columns"
)

// Merged is what Merge did.
type Merged struct {
	Added    int `json:"added"`
	Replaced int `json:"replaced"` // rows whose path an earlier index had
	Rows     int `json:"rows"`     // of the result
	// Missing are the folders of parts of embed that were not named, although others of the same work were.
	Missing []string `json:"missing_parts,omitempty"`
}

// Merge adds the live rows of other indexes to that of the writer, which has begun. Of rows with the same path the last one stays.
// Features of another model are a *MismatchError, and then nothing is added.
func (w *Writer) Merge(ctx context.Context, others ...*Folder) (Merged, error) {
	var m Merged
	for _, ix := range others {
		space := ix.space
		space.DType = "" // rows are converted
		if err := w.meta.Space.accepts(ix.dir, space); err != nil {
			return m, err
		}
		if space.Precision != w.precision {
			w.precision = mixedPrecision
		}
	}
	if err := w.mergeColumns(others); err != nil {
		return m, err
	}
	for _, ix := range others {
		for record, err := range ix.Records(ctx) {
			if err != nil {
				return m, err
			}
			if w.Has(record.Path) {
				m.Replaced++
			} else {
				m.Added++
			}
			if err := w.add(record.AsRow()); err != nil { // as they are: their length is 1
				return m, fmt.Errorf("%s: %w", ix.dir, err)
			}
		}
	}
	m.Rows = w.Rows()
	return m, w.Commit()
}

// mergeColumns adds the further columns of other indexes. One that has two types is a *MismatchError.
func (w *Writer) mergeColumns(others []*Folder) error {
	all := w.columns
	for _, ix := range others {
		list, err := ix.Columns()
		if err != nil {
			return err
		}
		var conflict *columns.Conflict
		all, err = columns.Union(all, list)
		if errors.As(err, &conflict) {
			return &MismatchError{Dir: ix.dir, What: "column " + conflict.Name + " of type",
				Have: string(conflict.Want), Want: string(conflict.Have)}
		}
	}
	return w.KeepColumns(all)
}

// AsRow is the row that a writer adds.
func (r Record) AsRow() Row {
	f := File{Path: r.Path, Caption: r.Caption, Size: r.Size, MTime: r.MTime, Hash: r.Hash, List: r.List, Facts: r.Facts,
		Metadata: r.Metadata}
	return Row{File: f, Image: r.Image, Text: r.Text}
}

// MergeFolders adds the indexes in some folders to the one in another folder, which is made where there is none: it has the space of the
// first.
func MergeFolders(ctx context.Context, out string, from []string) (m Merged, err error) {
	var others []*Folder
	defer func() {
		for _, ix := range others {
			err = errors.Join(err, ix.Close())
		}
	}()
	for _, dir := range from {
		if same(dir, out) {
			return m, fault.Usagef("%s is to be merged into itself", dir)
		}
		ix, err := Open(dir)
		if err != nil {
			return m, err
		}
		others = append(others, ix)
	}
	for i, ix := range others {
		if ix.space.Fingerprint == "" {
			return m, fault.Usagef("%s has no meta.json, so nobody knows which model made it", from[i])
		}
		if err := ix.Verify(); err != nil { // before anything is written
			return m, err
		}
	}
	w, err := OpenWriter(out)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	space := others[0].space
	if w.old != nil {
		space.DType = w.meta.DType
	}
	if err := w.Begin(space); err != nil {
		return m, err
	}
	m, err = w.Merge(ctx, others...)
	m.Missing = share.Missing(from)
	return m, err
}

// same reports whether two paths are the same folder.
func same(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

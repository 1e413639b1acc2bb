package search

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/parquet-go/parquet-go"

	"clipgo/internal/paths"
	"clipgo/search/columns"
)

// detailsReader reads rows of the metadata with the further columns that the file has.
type detailsReader struct {
	*parquet.GenericReader[details]
	file    *parquet.File
	columns []columns.Column
	further *columns.Reader // nil: there are none
	values  []columns.Values
}

func newDetailsReader(file *parquet.File, further []columns.Column) *detailsReader {
	r := &detailsReader{GenericReader: parquet.NewGenericReader[details](file), file: file, columns: further}
	if len(further) > 0 {
		r.further = columns.NewReader(file, further)
	}
	return r
}

func (r *detailsReader) seek(row int64) error {
	if r.further != nil {
		if err := r.further.GoTo(row); err != nil {
			return err
		}
	}
	return r.SeekToRow(row)
}

// full reads the next rows.
func (r *detailsReader) full(rows []details) error {
	for n := 0; n < len(rows); {
		got, err := r.Read(rows[n:])
		n += got
		if n < len(rows) && (err != nil || got == 0) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	for i := range rows {
		rows[i].Path, rows[i].List = paths.FromText(rows[i].Path), paths.FromText(rows[i].List)
	}
	if r.further == nil {
		return nil
	}
	values := make([]columns.Values, len(rows))
	if err := r.further.Read(values); err != nil {
		return err
	}
	for i := range rows {
		rows[i].Columns = values[i]
	}
	return nil
}

// Close gives the pages back.
func (r *detailsReader) Close() error {
	err := r.GenericReader.Close()
	if r.further != nil {
		err = errors.Join(err, r.further.Close())
	}
	return err
}

// encodeFurther writes rows with further columns behind the own ones.
func encodeFurther(out io.Writer, rows []details, further []columns.Column, options []parquet.WriterOption) error {
	own := parquet.SchemaOf(details{})
	w := parquet.NewGenericWriter[any](out, append(slices.Clone(options), columns.Schema(own, further))...)
	for _, d := range rows {
		row := columns.Append(own.Deconstruct(nil, d), len(ownColumns), further, d.Columns)
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return w.Close()
}

// columnsOf lists the further columns of a file of metadata.
func (m *metadata) columnsOf() (out []columns.Column, err error) {
	err = m.read(func(r *detailsReader) error {
		out = r.columns
		return nil
	})
	return out, err
}

// Columns lists the further columns of the index: those that embed was asked to keep, and those that clip-retrieval's files have. A column
// that has two types in such files has the first.
func (ix *Folder) Columns() ([]columns.Column, error) { return ix.columns() }

func (ix *Folder) listColumns() (out []columns.Column, err error) {
	for _, p := range ix.parts {
		if p.details == nil {
			continue
		}
		found, err := p.details.columnsOf()
		if err != nil {
			return nil, err
		}
		out = columns.Add(out, found)
	}
	return out, nil
}

// ColumnsIn lists the further columns of the index in a folder, as far as its files can be read: embed --repair keeps them. There are none
// where there is no index.
func ColumnsIn(dir string) (out []columns.Column) {
	m, _, err := readMeta(dir)
	if err != nil {
		return nil
	}
	for _, s := range m.Segments {
		out = addColumns(out, filepath.Join(dir, filepath.FromSlash(rowsFile(s.Number))))
	}
	return out
}

func addColumns(out []columns.Column, path string) []columns.Column {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return out
	}
	m, err := openMetadata(path)
	if err != nil {
		return out
	}
	found, err := m.columnsOf()
	_ = m.close() // it was only read
	if err != nil {
		return out
	}
	return columns.Add(out, found)
}

// Columns lists the further columns that the writer's rows have.
func (w *Writer) Columns() []columns.Column { return slices.Clone(w.columns) }

// KeepColumns adds further columns to those of the index. It comes before all changes. A column of another type than the index has is a
// *columns.Conflict, and then none is added.
func (w *Writer) KeepColumns(list []columns.Column) error {
	for _, c := range list {
		if err := columns.Check(c.Name); err != nil {
			return err
		}
	}
	all, err := columns.Union(w.columns, list)
	if err == nil {
		w.columns = all
	}
	return err
}

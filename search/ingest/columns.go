package ingest

import (
	"fmt"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/columns"
)

// columnIndex is an index that keeps further columns.
type columnIndex interface {
	Columns() []columns.Column
	KeepColumns([]columns.Column) error
}

var _ columnIndex = (*search.Writer)(nil)

// columns gives the files listed their values of the further columns, and makes the index keep these.
func (u *update) columns(l list) error {
	if len(u.options.Columns) == 0 {
		return nil
	}
	ix, ok := u.ix.(columnIndex)
	if !ok {
		return fmt.Errorf("the index keeps no further columns")
	}
	kept, chosen := ix.Columns(), make([]columns.Column, len(u.options.Columns))
	for i, name := range u.options.Columns {
		c, ok := columns.Find(kept, name)
		if !ok {
			c = columns.Column{Name: name, Type: l.typeOf(i)}
		}
		chosen[i] = c
	}
	if err := ix.KeepColumns(chosen); err != nil {
		return err
	}
	for i := range l.files {
		l.files[i].Metadata = u.values(l.files[i].Path, l.cells[i], chosen)
	}
	return nil
}

// typeOf is the type of a column that the index doesn't have yet.
func (l list) typeOf(column int) columns.Type {
	kind := columns.Text
	for _, cells := range l.cells {
		if column >= len(cells) || cells[column].Text == "" {
			continue
		}
		if _, ok := columns.Number(cells[column].Text); !ok {
			return columns.Text
		}
		kind = columns.Double
	}
	return kind
}

// values are the cells of a picture as the index keeps them. A table says nothing of a column that it lacks.
func (u *update) values(path string, cells []datasets.Cell, chosen []columns.Column) (out columns.Values) {
	for i, cell := range cells {
		d := columns.Datum{Column: chosen[i].Name}
		switch x, ok := columns.Number(cell.Text); {
		case cell.Absent:
			continue
		case cell.Text == "":
		case chosen[i].Type == columns.Text:
			d.Value = cell.Text
		case ok:
			d.Value = x
		case u.options.Odd != nil:
			u.options.Odd(path, d.Column, cell.Text)
		}
		out = append(out, d)
	}
	return out
}

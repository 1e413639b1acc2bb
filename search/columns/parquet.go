package columns

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// record is a group of fields in a given order; a parquet.Group sorts them.
type record struct {
	parquet.Group
	fields []parquet.Field
}

func (r record) Fields() []parquet.Field { return r.fields }

// Schema adds columns behind the fields of a schema.
func Schema(base *parquet.Schema, list []Column) *parquet.Schema {
	group, fields := parquet.Group{}, slices.Clone(base.Fields())
	for _, f := range fields {
		group[f.Name()] = f
	}
	for _, c := range list {
		node := parquet.String()
		if c.Type == Double {
			node = parquet.Leaf(parquet.DoubleType)
		}
		group[c.Name] = parquet.Optional(node)
		fields = append(fields, parquet.Group{c.Name: group[c.Name]}.Fields()[0])
	}
	return parquet.NewSchema(base.Name(), record{group, fields})
}

// Append adds the values of columns to a row of the schema that Schema made, in which base columns of values come before them.
func Append(row parquet.Row, base int, list []Column, values Values) parquet.Row {
	for i, c := range list {
		v, level := parquet.NullValue(), 0
		switch x := values.Of(c.Name).(type) {
		case string:
			if c.Type == Text {
				v, level = parquet.ByteArrayValue([]byte(strings.ToValidUTF8(x, "\ufffd"))), 1
			}
		case float64:
			if c.Type == Double {
				v, level = parquet.DoubleValue(x), 1
			}
		}
		row = append(row, v.Level(0, level, base+i))
	}
	return row
}

// In lists the columns of texts and of numbers that a schema has at its top, but for those of some names. Files of other programs have
// numbers of other widths, and integers that float64 doesn't hold are rounded.
func In(schema *parquet.Schema, without []string) (out []Column) {
	for _, f := range schema.Fields() {
		if !f.Leaf() || f.Repeated() || slices.Contains(without, f.Name()) {
			continue
		}
		switch kind := f.Type(); {
		case isNumber(kind):
			out = append(out, Column{f.Name(), Double})
		case kind.Kind() == parquet.ByteArray && isUTF8(kind):
			out = append(out, Column{f.Name(), Text})
		}
	}
	return out
}

func isNumber(kind parquet.Type) bool {
	switch kind.Kind() {
	case parquet.Double, parquet.Float:
		return true
	case parquet.Int32, parquet.Int64:
		logical := kind.LogicalType()
		if logical == nil {
			return true
		}
		_, ok := logical.Value.(*format.IntType)
		return ok
	}
	return false
}

// finite is the number of a value; false: it has none that is finite.
func finite(v parquet.Value) (x float64, ok bool) {
	switch v.Kind() {
	case parquet.Double:
		x = v.Double()
	case parquet.Float:
		x = float64(v.Float())
	case parquet.Int32:
		x = float64(v.Int32())
	case parquet.Int64:
		x = float64(v.Int64())
	}
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
}

func isUTF8(kind parquet.Type) bool {
	if kind.LogicalType() == nil {
		return false
	}
	_, ok := kind.LogicalType().Value.(*format.StringType)
	return ok
}

// Reader reads values of a file's columns.
type Reader struct {
	columns []Column
	cursors []*cursor
}

// NewReader reads columns that the file has, from its first row on.
func NewReader(file *parquet.File, list []Column) *Reader {
	r := &Reader{columns: slices.SortedFunc(slices.Values(list), func(a, b Column) int { return strings.Compare(a.Name, b.Name) })}
	for _, c := range r.columns {
		leaf, _ := file.Schema().Lookup(c.Name)
		r.cursors = append(r.cursors, &cursor{groups: file.RowGroups(), leaf: leaf.ColumnIndex})
	}
	return r
}

// GoTo goes to a row.
func (r *Reader) GoTo(row int64) error {
	for _, c := range r.cursors {
		if err := c.seek(row); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the values of the next rows.
func (r *Reader) Read(out []Values) error {
	for at, c := range r.cursors {
		name := r.columns[at].Name
		err := c.read(len(out), func(i int, v parquet.Value) {
			switch {
			case v.IsNull():
			case v.Kind() == parquet.ByteArray:
				out[i] = append(out[i], Datum{name, strings.ToValidUTF8(string(v.ByteArray()), "\ufffd")})
			default:
				if x, ok := finite(v); ok {
					out[i] = append(out[i], Datum{name, x})
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close gives the pages back.
func (r *Reader) Close() error {
	var errs []error
	for _, c := range r.cursors {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// cursor is a place in a column, which has a value for each row.
type cursor struct {
	groups []parquet.RowGroup
	leaf   int
	group  int // the next one
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
}

func (c *cursor) close() (err error) {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		err = c.pages.Close()
	}
	c.page, c.pages, c.values = nil, nil, nil
	return err
}

func (c *cursor) seek(row int64) error {
	if err := c.close(); err != nil {
		return err
	}
	for c.group = 0; c.group < len(c.groups); c.group++ {
		if n := c.groups[c.group].NumRows(); row >= n {
			row -= n
			continue
		}
		c.open()
		return c.pages.SeekToRow(row)
	}
	return io.ErrUnexpectedEOF
}

func (c *cursor) open() {
	c.pages = c.groups[c.group].ColumnChunks()[c.leaf].Pages()
	c.group++
}

// next goes to the next page, which may be in the next group.
func (c *cursor) next() error {
	for {
		if c.pages != nil {
			page, err := c.pages.ReadPage()
			if err == nil {
				c.page, c.values = page, page.Values()
				return nil
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
			if err := c.close(); err != nil {
				return err
			}
		}
		if c.group >= len(c.groups) {
			return io.ErrUnexpectedEOF
		}
		c.open()
	}
}

// read gives the next n values to use, which doesn't keep them.
func (c *cursor) read(n int, use func(i int, v parquet.Value)) error {
	var some [256]parquet.Value
	for i := 0; i < n; {
		if c.values == nil {
			if err := c.next(); err != nil {
				return err
			}
		}
		got, err := c.values.ReadValues(some[:min(len(some), n-i)])
		for k := range got {
			use(i+k, some[k])
		}
		i += got
		switch {
		case errors.Is(err, io.EOF):
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		case err != nil:
			return err
		case got == 0:
			return io.ErrNoProgress
		}
	}
	return nil
}

// Package table reads rows of CSV, TSV and JSON files. A row that breaks the format costs that row alone: it comes with what is
// wrong with it, and reading goes on behind it.
package table

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Extensions are those of the files that are read, in lower case.
var extensions = []string{".csv", ".tsv", ".jsonl", ".json"}

// IsTable reports whether files with an extension, in lower case, can be read.
func IsTable(extension string) bool { return slices.Contains(extensions, extension) }

// Options say how a table is read.
type Options struct {
	// Separator is between the cells of a CSV file. 0: a tab in a .tsv file; else comma, semicolon or tab, whichever gives a header
	// with the columns that Wanted looks for, or else most columns.
	Separator rune
	// Wanted reports whether a header has the columns that the caller needs; may be nil.
	Wanted func(columns []string) bool
}

// Table is a table whose header has been read.
type Table struct {
	// Columns are the names in the header, without white space around them; of objects, the sorted names of the first 1,000.
	// A file without rows and header has none.
	Columns []string

	data      []byte
	separator rune // 0: an object a line
}

// Row is a row of a table.
type Row struct {
	Line int64  // where it begins, from 1; in a JSON list, the number of its item
	Bad  string // why it can't be read; empty where it can

	columns []string
	cells   []string
	object  object
}

// Open reads the header of a table from the whole content of its file. extension is the file's, in lower case: ".csv", ".tsv", ".jsonl" (an
// object a line) or ".json" (a list of objects). An error says in one line why the table can't be read.
func Open(data []byte, extension string, o Options) (*Table, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("it is UTF-16; save it as UTF-8")
	}
	t := &Table{data: bytes.TrimPrefix(data, []byte("\ufeff"))}
	switch extension {
	case ".json":
		lines, err := listLines(t.data)
		if err != nil {
			return nil, fmt.Errorf("it is not a list in JSON: %w", err)
		}
		t.data = lines
		return t, t.readColumns()
	case ".jsonl":
		return t, t.readColumns()
	case ".csv", ".tsv":
		t.separator = o.separator(t.data, extension)
		return t, t.readHeader()
	}
	return nil, fmt.Errorf("%s is not the extension of a table", extension)
}

// Rows are the rows below the header, in the order of the file.
func (t *Table) Rows() iter.Seq[Row] {
	if t.separator == 0 {
		return t.objects()
	}
	return func(yield func(Row) bool) {
		header := true
		t.records(func(r Row) bool {
			if header {
				header = false
				return true
			}
			r.columns = t.Columns
			return yield(r)
		})
	}
}

// Value is a row's cell in a column; the first, where several have the name.
func (r Row) Value(column string) Value {
	if r.object != nil {
		return Value{raw: r.object[column]}
	}
	if i := slices.Index(r.columns, column); i >= 0 && i < len(r.cells) {
		return Value{text: r.cells[i]}
	}
	return Value{}
}

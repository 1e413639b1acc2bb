// Package table reads the rows of CSV, TSV, JSONL and JSON files. A row that breaks the format costs that row alone: Row.Bad says what is
// wrong with it, and reading continues at the next line.
package table

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// extensions are those of the files that can be read, in lower case.
var extensions = []string{".csv", ".tsv", ".jsonl", ".json"}

// IsTable reports whether files with an extension, in lower case, can be read.
func IsTable(extension string) bool { return slices.Contains(extensions, extension) }

// Options say how a table is read.
type Options struct {
	// Separator separates the cells of a CSV file. 0 detects it: a tab in a .tsv file; in others the one of comma, semicolon, tab and bar
	// that gives a header with the columns that Wanted accepts, or else the most columns.
	Separator rune
	// Wanted reports whether a header has the columns that the caller needs. It may be nil.
	Wanted func(columns []string) bool
}

// Table is a table whose header has been read.
type Table struct {
	// Columns are the names in the header, without white space around them. Of JSON objects they are the sorted names of the first 1,000
	// objects. An empty file has no columns.
	Columns []string

	data      []byte
	separator rune // 0: a JSON object on each line
}

// Row is one row of a table.
type Row struct {
	Line int64  // where it begins, from 1; of a JSON list, the item's number from 1
	Bad  string // why the row can't be read; empty if it can

	columns []string
	cells   []string
	object  object
}

// Open reads a table's header. data is the whole content of the file, and extension is the file's, in lower case: ".csv", ".tsv", ".jsonl"
// (an object on each line) or ".json" (a list of objects, or lines as in ".jsonl"). A byte order mark of UTF-8 is skipped. An error says in
// one line why the table can't be read.
func Open(data []byte, extension string, o Options) (*Table, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("it is UTF-16; save it as UTF-8")
	}
	t := &Table{data: bytes.TrimPrefix(data, []byte("\ufeff"))}
	if !bytes.Contains(t.data, []byte("\n")) { // lines of old Macs
		t.data = bytes.ReplaceAll(t.data, []byte("\r"), []byte("\n"))
	}
	switch extension {
	case ".json":
		lines, err := listLines(t.data)
		if err != nil {
			return nil, err
		}
		t.data = lines
		return t, t.readColumns()
	case ".jsonl":
		return t, t.readColumns()
	case ".csv", ".tsv":
		t.separator = o.separatorOf(t.data, extension)
		return t, t.readHeader()
	}
	return nil, fmt.Errorf("%s is not the extension of a table", extension)
}

// Rows iterates over the rows below the header, in the order of the file.
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

// Value is the row's value in a column. If several columns have the name, it is that of the first. The empty name, which stands for a
// column that the table lacks, gives an empty text, even if a header has a cell without a name.
func (r Row) Value(column string) Value {
	if column == "" {
		return Value{}
	}
	if r.object != nil {
		return Value{raw: r.object[column]}
	}
	if i := slices.Index(r.columns, column); i >= 0 && i < len(r.cells) {
		return Value{text: r.cells[i]}
	}
	return Value{}
}

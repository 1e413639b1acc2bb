package datasets

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"clipgo/datasets/table"
)

// tableRow is a row of a table of pictures, or why it can't be read.
type tableRow struct {
	line         int64
	image, label string
	captions     []string
	bad          string
	sample       int32 // index of the sample that the row belongs to
	empty        bool  // without a caption
}

// openRows reads a table's header. choose says why a table with these columns can't be used; its reason is empty if it can.
func openRows(path string, o Options, choose func(columns []string) (reason string)) (*table.Table, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, notFound(path, err)
	}
	options := table.Options{Wanted: func(columns []string) bool { return choose(columns) == "" }}
	if o.CSVSeparator != "" {
		if options.Separator, err = table.ParseSeparator(o.CSVSeparator); err != nil {
			return nil, &UsageError{Source: path, Reason: err.Error()}
		}
	}
	t, err := table.Open(data, strings.ToLower(filepath.Ext(path)), options)
	if err != nil {
		return nil, &DataError{Source: path, Reason: err.Error()}
	}
	if len(t.Columns) == 0 { // an empty file; "it has no rows" says more than which columns are missing
		return t, nil
	}
	if reason := choose(t.Columns); reason != "" {
		return nil, &DataError{Source: path, Reason: reason}
	}
	return t, nil
}

// readTable reads a table's rows and chooses its columns.
func readTable(ctx context.Context, path string, o Options) (rows []tableRow, chosen tableColumns, err error) {
	t, err := openRows(path, o, func(columns []string) (reason string) {
		chosen, reason = chooseColumns(columns, o)
		return reason
	})
	if err != nil {
		return nil, chosen, err
	}
	for row := range t.Rows() {
		if err := ctx.Err(); err != nil {
			return nil, chosen, err
		}
		rows = append(rows, chosen.read(row))
	}
	if len(rows) == 0 {
		return nil, chosen, &DataError{Source: path, Reason: "it has no rows"}
	}
	return rows, chosen, ctx.Err()
}

// read takes the chosen columns of a row.
func (c tableColumns) read(row table.Row) tableRow {
	out := tableRow{line: row.Line, bad: row.Bad}
	if row.Bad != "" {
		return out
	}
	var ok bool
	if out.image, ok = row.Value(c.image).Text(); !ok {
		out.bad = c.image + " is not a text"
	}
	if out.captions, ok = row.Value(c.caption).Texts(); !ok {
		out.bad = c.caption + " is neither a text nor a list of texts"
	}
	if out.label, ok = row.Value(c.label).Name(); !ok {
		out.bad = c.label + " is neither a name nor a number"
	}
	return out
}

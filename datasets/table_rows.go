package datasets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"clipgo/datasets/table"
	"clipgo/internal/bounded"
)

// tableRow is a row of a table of pictures, or why it can't be read.
type tableRow struct {
	line         int64
	image, label string
	captions     []string
	weights      []float32 // of the captions; nil: equal
	bad          string
	sample       int32 // index of the sample that the row belongs to
	empty        bool  // without a caption
	metadata     []Cell
}

const lineLimit = 16 << 20 // bytes of a table's first line

// readTableFile reads a table. A file without line breaks, which isn't one, is not read to the end.
func readTableFile(path string) ([]byte, error) {
	if !strings.EqualFold(filepath.Ext(path), ".json") {
		start, err := readStart(path, lineLimit)
		if err != nil {
			return nil, unreadable(path, err)
		}
		if len(start) == lineLimit && !strings.ContainsAny(start, "\r\n") {
			return nil, &DataError{Source: path, Reason: fmt.Sprintf("it is not a table: its first line has more than %d bytes", lineLimit)}
		}
	}
	data, err := bounded.ReadFile(path, bounded.Table)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return data, nil
}

// unreadable is an error of reading a table. What can't be a table is refused as data.
func unreadable(path string, err error) error {
	if refused := (*bounded.Error)(nil); errors.As(err, &refused) {
		return &DataError{Source: path, Reason: refused.Reason}
	}
	return notFound(path, err)
}

// openRows reads a table's header. choose says why a table with these columns can't be used; its reason is empty if it can.
func openRows(path string, data []byte, o Options, choose func(columns []string) (reason string)) (_ *table.Table, err error) {
	options := table.Options{Wanted: func(columns []string) bool { return choose(columns) == "" }}
	if o.CSVSeparator != "" {
		if options.Separator, err = table.ParseSeparator(o.CSVSeparator); err != nil {
			return nil, &UsageError{Source: path, Reason: err.Error()}
		}
	}
	t, err := table.Open(data, extensionOf(path), options)
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

// read reads the table's rows and chooses its columns.
func (t *pictureTable) read(ctx context.Context, data []byte, o Options) (rows []tableRow, err error) {
	var chosen tableColumns
	keys, err := o.captionKeys(t.path)
	if err != nil {
		return nil, err
	}
	opened, err := openRows(t.path, data, o, func(columns []string) (reason string) {
		chosen, reason = chooseColumns(columns, keys, o)
		return reason
	})
	if err != nil {
		return nil, err
	}
	for row := range opened.Rows() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one := chosen.read(row)
		one.metadata = metadataOf(row, opened.Columns, o.Metadata)
		rows = append(rows, one)
	}
	if len(rows) == 0 {
		return nil, &DataError{Source: t.path, Reason: "it has no rows"}
	}
	t.info.Notes = append(t.info.Notes, chosen.note(o)...)
	t.listColumns(opened.Columns, o)
	return rows, ctx.Err()
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
	out.image = strings.TrimPrefix(out.image, byteOrderMark)
	out.captions, out.weights = c.captions.choose(func(name string) []string {
		texts, ok := row.Value(name).Texts()
		if !ok {
			out.bad = name + " is neither a text nor a list of texts"
		}
		return notEmpty(texts)
	})
	if out.label, ok = row.Value(c.label).Name(); !ok {
		out.bad = c.label + " is neither a name nor a number"
	}
	return out
}

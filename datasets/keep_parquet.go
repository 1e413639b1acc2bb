package datasets

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"clipgo/datasets/parquet"
	"clipgo/internal/bounded"
	"clipgo/internal/paths"
)

// readParquet reads the rows of a Parquet file, whose keep is a boolean, a number or a text.
func (k *keepList) readParquet() error {
	file, err := bounded.Open(k.path, bounded.Table)
	if err != nil {
		return unreadable(k.path, err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return unreadable(k.path, err)
	}
	f, err := parquet.Open(file, st.Size())
	if err != nil {
		return &DataError{Source: k.path, Reason: err.Error()}
	}
	if err := k.readRows(f, file); err != nil {
		return &DataError{Source: k.path, Reason: err.Error()}
	}
	return nil
}

func (k *keepList) readRows(f *parquet.File, file io.ReaderAt) error {
	var all, single []string
	for _, c := range f.Columns {
		all = append(all, c.String())
		if !c.List && c.Kind != parquet.Other && c.Kind != parquet.Real {
			single = append(single, c.Name)
		}
	}
	name, keep := firstColumn(single, keepNames), firstColumn(single, keepColumn)
	if name == "" || ofKind(f, name, parquet.Text, parquet.Bytes) < 0 {
		return fmt.Errorf("it has no column path of texts; it has %s", strings.Join(all, ", "))
	}
	if keep == "" && firstColumn(columnNames(f), keepColumn) != "" {
		return fmt.Errorf("its column keep holds neither booleans, nor integers, nor texts; it has %s", strings.Join(all, ", "))
	}
	r := parquet.NewReader(f, parquet.NewCache(parquetCache))
	defer r.Close()
	for row := range f.Rows {
		one := keepRow{line: row + 1, keep: true}
		path, err := r.Bytes(file, f.Column(name), row, textBytes)
		if err == nil && (len(path) != 1 || len(path[0]) == 0) {
			err = fmt.Errorf("%s is empty", name)
		}
		if err == nil && keep != "" {
			one.keep, err = keptIn(f, r, file, f.Column(keep), row)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", row+1, err)
		}
		one.name = paths.FromText(string(path[0]))
		k.rows = append(k.rows, one)
	}
	return nil
}

// keptIn reads the column keep of a row.
func keptIn(f *parquet.File, r *parquet.Reader, file io.ReaderAt, column int, row int64) (keep bool, err error) {
	word := ""
	switch f.Columns[column].Kind {
	case parquet.Integer, parquet.Boolean:
		values, err := r.Ints(file, column, row)
		if err != nil {
			return false, err
		}
		if len(values) == 1 {
			word = strconv.FormatInt(values[0], 10)
		}
	default:
		values, err := r.Bytes(file, column, row, textBytes)
		if err != nil {
			return false, err
		}
		if len(values) == 1 {
			word = string(values[0])
		}
	}
	keep, reason := yes(word)
	if reason != "" {
		err = fmt.Errorf("%s", reason)
	}
	return keep, err
}

func columnNames(f *parquet.File) (names []string) {
	for _, c := range f.Columns {
		names = append(names, c.Name)
	}
	return names
}

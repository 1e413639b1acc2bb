package datasets

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets/table"
	"clipgo/internal/paths"
)

// keepList is a list of samples that are kept or dropped.
type keepList struct {
	path string
	here string // the working directory
	rows []keepRow
	at   map[string]int32 // rows by the paths that they may mean
}

type keepRow struct {
	name string
	line int64
	keep bool
	used bool // it names a sample
}

// The columns of a keep list, in the order in which they are tried.
var (
	keepNames  = []string{"path", "image_path", "filepath", "file", "key"}
	keepColumn = []string{"keep"}
)

// readKeepList reads a table with the columns path and keep, or a .txt file with a path a line, which are kept. Without keep, all rows are
// kept. A row that can't be read is an error: a sample must not be kept or dropped by mistake.
func readKeepList(path string) (*keepList, error) {
	k := &keepList{path: path, here: paths.Absolute(".")}
	extension := strings.ToLower(filepath.Ext(path))
	if left, err := os.Stat(path + paths.Journal); err == nil && left.Size() > 0 {
		return nil, &DataError{Source: path, Reason: fmt.Sprintf("it lacks the last decisions of a review, which are in %s: wait until "+
			"the review has written it, or open the review again if it was ended by force", left.Name())}
	}
	if err := k.read(extension); err != nil {
		return nil, err
	}
	if len(k.rows) == 0 {
		return nil, &DataError{Source: path, Reason: "it has no rows"}
	}
	k.mergeRepeated()
	return k, nil
}

func (k *keepList) read(extension string) error {
	switch {
	case extension == parquetExtension:
		return k.readParquet()
	case extension != ".txt" && !table.IsTable(extension):
		return &UsageError{Source: k.path, Reason: "a filter is a .csv, .tsv, .jsonl, .json or .parquet file with the columns path and " +
			"keep, or a .txt file of paths"}
	}
	data, err := readTableFile(k.path)
	switch {
	case err != nil:
		return err
	case extension == ".txt":
		k.readLines(string(data))
		return nil
	}
	return k.readTable(data, extension)
}

func (k *keepList) readLines(text string) {
	number := int64(0)
	for line := range strings.Lines(strings.TrimPrefix(text, byteOrderMark)) {
		number++
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			k.rows = append(k.rows, keepRow{name: paths.FromText(line), line: number, keep: true})
		}
	}
}

func (k *keepList) readTable(data []byte, extension string) error {
	named := func(columns []string) bool { return firstColumn(columns, keepNames) != "" }
	t, err := table.Open(data, extension, table.Options{Wanted: named})
	if err != nil {
		return &DataError{Source: k.path, Reason: err.Error()}
	}
	name, keep := firstColumn(t.Columns, keepNames), firstColumn(t.Columns, keepColumn)
	if name == "" && len(t.Columns) > 0 {
		return &DataError{Source: k.path, Reason: "it has no column path; it has " + strings.Join(t.Columns, ", ")}
	}
	for row := range t.Rows() {
		r := keepRow{line: row.Line, keep: true}
		reason := row.Bad
		if reason == "" {
			r.name, reason = pathIn(row, name)
		}
		if reason == "" && keep != "" {
			r.keep, reason = yes(row.Value(keep).Number())
		}
		if reason != "" {
			return &DataError{Source: k.path, Reason: fmt.Sprintf("line %d: %s", row.Line, reason)}
		}
		k.rows = append(k.rows, r)
	}
	return nil
}

func pathIn(row table.Row, column string) (name, reason string) {
	text, ok := row.Value(column).Text()
	if text = paths.FromText(strings.TrimPrefix(text, byteOrderMark)); !ok || text == "" {
		return "", column + " is empty or not a text"
	}
	return text, ""
}

// The words of the column keep.
var (
	keepWords = []string{"true", "1", "yes", "y", "t", "keep"}
	dropWords = []string{"false", "0", "no", "n", "f", "drop"}
)

func yes(word string) (keep bool, reason string) {
	switch word = strings.ToLower(word); {
	case slices.Contains(keepWords, word):
		return true, ""
	case slices.Contains(dropWords, word):
		return false, ""
	}
	return false, fmt.Sprintf("keep is %.40q, which is neither true nor false", word)
}

// mergeRepeated makes one row of those with the same path. It drops if one of them does, so that lists can be put together.
func (k *keepList) mergeRepeated() {
	first := make(map[string]int, len(k.rows))
	rows := k.rows[:0]
	for _, row := range k.rows {
		if at, again := first[row.name]; again {
			rows[at].keep = rows[at].keep && row.keep
			continue
		}
		first[row.name] = len(rows)
		rows = append(rows, row)
	}
	k.rows = rows
}

// onlyDrops reports whether no row keeps. Such a list names what is left out; any other names what is kept.
func (k *keepList) onlyDrops() bool {
	return !slices.ContainsFunc(k.rows, func(r keepRow) bool { return r.keep })
}

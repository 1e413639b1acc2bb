package curation

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"clipgo/datasets/table"
	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// Readable reports whether ReadFile knows a file's ending: a list of paths alone has no groups.
func Readable(file string) bool { return Known(file) && ending(file) != ".txt" }

// ReadFile reads the decisions that Write wrote to a .csv, .jsonl or .parquet file. The columns path and keep have to be there. A row that
// can't be read is an error, since the list is written again as a whole.
func ReadFile(file string) (list []Decision, err error) {
	if !Readable(file) {
		return nil, fault.Usagef("%s: a list of decisions is a .csv, .jsonl or .parquet file", file)
	}
	if ending(file) == ".parquet" {
		list, err = readParquet(file)
	} else {
		list, err = readRows(file)
	}
	for i := range list {
		list[i].Path = paths.FromText(list[i].Path)
		if err == nil && list[i].Path == "" {
			err = fault.Dataf("%s: row %d: path is empty", file, i+1)
		}
	}
	return list, err
}

func readRows(file string) (list []Decision, err error) {
	data, err := bounded.ReadFile(file, bounded.Table)
	if err != nil {
		return nil, err
	}
	t, err := table.Open(data, ending(file), table.Options{})
	if err != nil {
		return nil, fault.Dataf("%s: %v", file, err)
	}
	if err := checkColumns(file, func(name string) bool { return slices.Contains(t.Columns, name) }); err != nil {
		return nil, err
	}
	for row := range t.Rows() {
		d, err := decisionOf(row)
		if err != nil {
			return nil, fault.Dataf("%s: line %d: %v", file, row.Line, err)
		}
		list = append(list, d)
	}
	return list, nil
}

// checkColumns refuses a file without the columns that a list of decisions has.
func checkColumns(file string, has func(name string) bool) error {
	for _, name := range []string{"path", "keep"} {
		if !has(name) {
			return fault.Dataf("%s: it has no column %s: it is not a list that dedup or outliers wrote", file, name)
		}
	}
	return nil
}

// decisionOf reads a row. Group, score and reason may be missing.
func decisionOf(row table.Row) (d Decision, err error) {
	if row.Bad != "" {
		return d, errors.New(row.Bad)
	}
	d.Path, _ = row.Value("path").Text()
	d.Reason, _ = row.Value("reason").Text()
	switch word := strings.ToLower(row.Value("keep").Number()); word {
	case "1", "true":
		d.Keep = true
	case "0", "false":
	default:
		return d, fmt.Errorf("keep is %q, not 0 or 1", word)
	}
	if text := row.Value("group").Number(); text != "" {
		if d.Group, err = strconv.Atoi(text); err != nil || d.Group < 0 {
			return d, fmt.Errorf("group is %q, not a number from 0", text)
		}
	}
	if text := row.Value("score").Number(); text != "" {
		if d.Score, err = strconv.ParseFloat(text, 64); err != nil {
			return d, fmt.Errorf("score is %q, not a number", text)
		}
	}
	return d, nil
}

// readParquet reads a Parquet file. The library panics on some damage.
func readParquet(file string) (list []Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Dataf("%s: damaged: %v", file, p)
		}
	}()
	f, err := bounded.Open(file, bounded.Table)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p, err := parquet.OpenFile(f, st.Size())
	if err != nil {
		return nil, fault.Dataf("%s: %v", file, err)
	}
	err = checkColumns(file, func(name string) bool {
		_, ok := p.Schema().Lookup(name)
		return ok
	})
	if err != nil {
		return nil, err
	}
	r := parquet.NewGenericReader[Decision](p)
	defer r.Close()
	for {
		rows := make([]Decision, 1024)
		n, err := r.Read(rows)
		list = append(list, rows[:n]...)
		if errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fault.Dataf("%s: %v", file, err)
		}
	}
}

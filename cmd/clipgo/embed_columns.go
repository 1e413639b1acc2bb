package main

import (
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/columns"
)

// columnNames reads the value of --metadata.
func columnNames(flag string) (names []string, err error) {
	for name := range strings.SplitSeq(flag, ",") {
		if name = strings.TrimSpace(name); name == "" || slices.Contains(names, name) {
			continue
		}
		if err := columns.Check(name); err != nil {
			return nil, usagef("--metadata: %v", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// withThoseOf adds the columns that an index has.
func withThoseOf(index string, names []string) []string {
	out := slices.Clone(names)
	for _, c := range search.ColumnsIn(index) {
		if !slices.Contains(out, c.Name) && columns.Check(c.Name) == nil {
			out = append(out, c.Name)
		}
	}
	return out
}

// lacksColumn refuses columns that were asked for and that no source has.
func lacksColumn(names []string, about datasets.Info) error {
	for _, name := range names {
		switch {
		case slices.Contains(about.Columns, name):
		case about.Columns == nil:
			return usagef("--metadata %s: no source is a table (.csv .tsv .jsonl .json .parquet)", name)
		default:
			return usagef("--metadata %s: there is no such column; there are %s", name, strings.Join(about.Columns, ", "))
		}
	}
	return nil
}

// oddValues are values that are no numbers, in columns of numbers.
type oddValues struct {
	count map[string]int
	first map[string]string
}

func (v *oddValues) add(path, column, value string) {
	if v.count == nil {
		v.count, v.first = map[string]int{}, map[string]string{}
	}
	if v.count[column]++; v.count[column] == 1 {
		v.first[column] = value + " of " + path
	}
}

// tell says what was left out, a line for each column.
func (v *oddValues) tell(c *console) {
	for column, n := range v.count {
		c.log.Warn("values are no numbers and were left out: the column holds numbers",
			"column", column, "values", n, "first", v.first[column])
	}
}

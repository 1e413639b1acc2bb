package main

import (
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/search"
	"clipgo/search/columns"
)

// asked are the columns that --metadata names.
func (o *embedOptions) asked() (names []string) {
	for name := range strings.SplitSeq(o.Metadata, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (o *embedOptions) checkColumns() error {
	for _, name := range o.asked() {
		if err := columns.Check(name); err != nil {
			return usagef("--metadata: %v", err)
		}
	}
	return nil
}

// chooseColumns makes the sources give the columns that the index has, and those asked for.
func (o *embedOptions) chooseColumns() {
	o.columns = o.asked()
	for _, c := range search.ColumnsIn(o.Index) {
		if !slices.Contains(o.columns, c.Name) && columns.Check(c.Name) == nil {
			o.columns = append(o.columns, c.Name)
		}
	}
	o.Data.Metadata = o.columns
}

// columnsOf refuses columns that no table has.
func (o *embedOptions) columnsOf(about datasets.Info) error {
	for _, name := range o.asked() {
		switch {
		case slices.Contains(about.Columns, name):
		case about.Columns == nil:
			return usagef("--metadata %s: no source is a table (.csv .tsv .jsonl .json)", name)
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
		c.log.Warn("values are no numbers and were left out: the column holds numbers", "column", column, "values", n, "first", v.first[column])
	}
}

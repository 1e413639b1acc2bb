package datasets

import (
	"slices"
	"strings"

	"clipgo/datasets/table"
)

// listColumns notes which columns a table has, and which of those asked for it lacks.
func (t *pictureTable) listColumns(there []string, o Options) {
	if t.info.Columns = slices.Clone(there); there == nil {
		t.info.Columns = []string{}
	}
	var lacking []string
	for _, name := range o.Metadata {
		if !slices.Contains(there, name) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		t.info.Notes = append(t.info.Notes, lacks(lacking))
	}
}

func lacks(names []string) string {
	return "it has no column " + strings.Join(names, ", ") + ": its pictures get no value there"
}

// metadataOf are the values of a row in some columns; nil if none are asked for, or if the row can't be read.
func metadataOf(row table.Row, there, names []string) []Cell {
	if len(names) == 0 || row.Bad != "" {
		return nil
	}
	out := make([]Cell, len(names))
	for i, name := range names {
		if out[i].Absent = !slices.Contains(there, name); !out[i].Absent {
			out[i].Text = row.Value(name).Plain()
		}
	}
	return out
}

// MergeCells gives a sample the values of another row or source that has it too, in the columns where it has none. nil has no columns.
func MergeCells(have, other []Cell) []Cell {
	if have == nil || other == nil {
		return append(have, other...)
	}
	out := slices.Clone(have)
	for i, c := range other {
		if out[i].Text == "" && !c.Absent {
			out[i] = c
		}
	}
	return out
}

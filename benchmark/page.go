package benchmark

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	"slices"

	"clipgo/eval"
	"clipgo/report"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// pageModel is a row of the page's table.
type pageModel struct {
	Name       string  `json:"name"`
	Parameters int64   `json:"parameters"`
	Seconds    float64 `json:"seconds"` // of all its cells
}

// pageColumn is a data set and a task.
type pageColumn struct {
	Data   string `json:"data"`
	Task   string `json:"task"`
	Metric string `json:"metric"`
	N      int    `json:"n"`
}

// pageCell is a value with its details.
type pageCell struct {
	Value    *float64           `json:"value"`
	Metrics  [][2]string        `json:"metrics"`
	Samples  int                `json:"samples"`
	Skipped  int                `json:"skipped"`
	Seconds  float64            `json:"seconds"`
	PerClass []eval.ClassResult `json:"per_class,omitempty"`
	Mistakes []Mistake          `json:"mistakes,omitempty"`
}

// pageDifference is the difference of two models in a column.
type pageDifference struct {
	Value float64 `json:"v"`
	Low   float64 `json:"l"`
	High  float64 `json:"h"`
}

// pageContent is the data of the page.
type pageContent struct {
	Models  []pageModel   `json:"models"`
	Columns []pageColumn  `json:"columns"`
	Cells   [][]*pageCell `json:"cells"` // [model][column]; null if the cell isn't there
	// Differences are first minus second model, by column and "i,j" with i < j; missing if the samples differ.
	Differences []map[string]pageDifference `json:"differences"`
}

// worstClasses is the number of classes that the page lists for a cell, those with the lowest recall.
const worstClasses = 12

// WritePage writes the entries as one self-contained page: a table to sort and filter, differences to a model with 95 % intervals, a
// scatter plot, and for each cell its numbers, worst classes and most confident mistakes.
func WritePage(w io.Writer, title string, entries []Entry) error {
	data, err := json.Marshal(contentOf(entries))
	if err != nil {
		return fmt.Errorf("the page of the results: %w", err)
	}
	return report.WritePage(w, pageHTML, pageCSS, map[string]any{
		"Title": title, "Subtitle": "", "Script": template.JS(pageJS), "Content": template.JS(data),
	})
}

func contentOf(entries []Entry) pageContent {
	c := pageContent{Models: []pageModel{}, Columns: []pageColumn{}}
	rows, columns := map[string]int{}, map[[2]string]int{}
	var at [][2]int
	for _, e := range entries {
		name := modelName(e)
		row, ok := rows[name]
		if !ok {
			row = len(c.Models)
			rows[name] = row
			c.Models = append(c.Models, pageModel{Name: name, Parameters: e.Details.Parameters})
		}
		c.Models[row].Seconds += e.Details.Seconds
		key := [2]string{e.Result.Dataset, e.Result.Task}
		column, ok := columns[key]
		if !ok {
			column = len(c.Columns)
			columns[key] = column
			c.Columns = append(c.Columns, pageColumn{key[0], key[1], mainOf(e.Result), e.Details.Samples})
		}
		at = append(at, [2]int{row, column})
	}
	byCell := make([][]*Entry, len(c.Models))
	c.Cells = make([][]*pageCell, len(c.Models))
	for i := range c.Cells {
		c.Cells[i], byCell[i] = make([]*pageCell, len(c.Columns)), make([]*Entry, len(c.Columns))
	}
	for i, e := range entries {
		c.Cells[at[i][0]][at[i][1]], byCell[at[i][0]][at[i][1]] = cellOf(e), &entries[i]
	}
	c.compare(byCell)
	return c
}

// modelName is short: the last part of a path, with the tag of the weights.
func modelName(e Entry) string {
	name := filepath.Base(e.Result.Model)
	if e.Result.Pretrained != "x" {
		name += " " + e.Result.Pretrained
	}
	return name
}

func cellOf(e Entry) *pageCell {
	c := &pageCell{Samples: e.Details.Samples, Skipped: e.Details.Skipped, Seconds: e.Details.Seconds, Mistakes: e.Details.Mistakes}
	if v := e.Main(); !math.IsNaN(v) {
		c.Value = &v
	}
	for _, m := range e.Result.Metrics {
		c.Metrics = append(c.Metrics, [2]string{m.Key, fmt.Sprint(m.Value)})
	}
	c.PerClass = slices.DeleteFunc(slices.Clone(e.Details.PerClass), func(r eval.ClassResult) bool { return r.Recall == nil })
	slices.SortStableFunc(c.PerClass, func(a, b eval.ClassResult) int {
		switch {
		case *a.Recall < *b.Recall:
			return -1
		case *a.Recall > *b.Recall:
			return 1
		}
		return 0
	})
	c.PerClass = c.PerClass[:min(len(c.PerClass), worstClasses)]
	return c
}

// compare fills in the differences of all pairs of models.
func (c *pageContent) compare(cells [][]*Entry) {
	for column := range c.Columns {
		all := map[string]pageDifference{}
		for i := range cells {
			for j := i + 1; j < len(cells); j++ {
				a, b := cells[i][column], cells[j][column]
				if a == nil || b == nil {
					continue
				}
				if d, ok := Compare(*a, *b); ok {
					all[fmt.Sprintf("%d,%d", i, j)] = pageDifference{d.Value, d.Low, d.High}
				}
			}
		}
		c.Differences = append(c.Differences, all)
	}
}

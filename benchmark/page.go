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
	Name       string    `json:"name"`
	Full       string    `json:"full"` // with its folder
	Parameters int64     `json:"parameters"`
	Seconds    float64   `json:"seconds"` // of all its cells
	Averages   []Average `json:"averages"`
}

// pageColumn is a data set and a task. Data names the language if it isn't en.
type pageColumn struct {
	Data   string `json:"data"`
	Task   string `json:"task"`
	Metric string `json:"metric"`
	N      int    `json:"n"`
}

// pageCell is a value with its details, or the reason why there is none.
type pageCell struct {
	Value    *float64           `json:"value"`
	Error    string             `json:"error,omitempty"`
	Metrics  [][2]string        `json:"metrics"`
	Samples  int                `json:"samples"`
	Skipped  int                `json:"skipped"`
	Seconds  float64            `json:"seconds"`
	Classes  int                `json:"classes"` // of PerClass before it was cut
	PerClass []eval.ClassResult `json:"per_class,omitempty"`
	Confused []Confusion        `json:"confused,omitempty"`
	Mistakes []Mistake          `json:"mistakes,omitempty"`
	Parts    []Part             `json:"parts,omitempty"` // kinds and groups
}

// pageDifference is the difference of two models in a column.
type pageDifference struct {
	Value float64 `json:"v"`
	Low   float64 `json:"l"`
	High  float64 `json:"h"`
	Clear bool    `json:"s"` // significant
}

// pageContent is the data of the page.
type pageContent struct {
	Models  []pageModel   `json:"models"`
	Columns []pageColumn  `json:"columns"`
	Cells   [][]*pageCell `json:"cells"` // [model][column]; null if the cell isn't there
	// Differences are first minus second model, by column and "i,j" with i < j; missing if the samples differ.
	Differences []map[string]pageDifference `json:"differences"`
	Failures    []Failure                   `json:"failures"`
	Pictures    map[string]template.URL     `json:"pictures"` // small copies by their names in mistakes
	LeftOut     int                         `json:"left_out"` // pictures for which the page has no room
}

// What the page lists for a cell: the classes with the lowest recall, and the pairs of classes confused most often.
const (
	worstClasses = 60
	worstPairs   = 30
	// matrixClasses is the number of classes up to which the page shows the whole confusion.
	matrixClasses = 16
)

// WritePage writes the results as one self-contained page: a table to sort and filter, differences to a model with 95 % intervals,
// averages, a scatter plot, and for each cell its numbers, worst classes and most confident mistakes.
func (o *Outcome) WritePage(w io.Writer, title string) error {
	data, err := json.Marshal(o.content())
	if err != nil {
		return fmt.Errorf("the page of the results: %w", err)
	}
	return report.WriteScriptedPage(w, pageHTML, pageCSS, pageJS, map[string]any{
		"Title": title, "Subtitle": "", "Content": template.JS(data),
	})
}

// layout numbers the rows and columns of a page.
type layout struct {
	pageContent
	rows    map[[2]string]int
	columns map[Cell]int // without a model
}

func (l *layout) row(model, pretrained string) int {
	key := [2]string{model, pretrained}
	row, ok := l.rows[key]
	if !ok {
		row = len(l.Models)
		l.rows[key] = row
		l.Models = append(l.Models, pageModel{Name: shortName(model, pretrained), Full: fullName(model, pretrained)})
	}
	return row
}

func (l *layout) column(c Cell) int {
	key := Cell{Data: c.Data, Task: c.Task, Language: c.Language}
	column, ok := l.columns[key]
	if !ok {
		column = len(l.Columns)
		l.columns[key] = column
		l.Columns = append(l.Columns, pageColumn{Data: inLanguage(c.Data, c.Language), Task: c.Task, Metric: tasks[c.Task].main})
	}
	return column
}

func (o *Outcome) content() pageContent {
	c, cells := o.grid()
	c.compare(cells)
	c.embed(o.Out)
	return c
}

// grid is the table without differences and pictures, with the entry of each cell.
func (o *Outcome) grid() (pageContent, [][]*Entry) {
	l := layout{
		pageContent: pageContent{Models: []pageModel{}, Columns: []pageColumn{}, Failures: o.Failures},
		rows:        map[[2]string]int{}, columns: map[Cell]int{},
	}
	for _, e := range o.Entries {
		row, column := l.row(e.Result.Model, e.Result.Pretrained), l.column(cellOfResult(e.Result))
		l.Columns[column].Metric = mainOf(e.Result)
		l.Models[row].Seconds += e.Details.Seconds
		l.Models[row].Parameters = e.Details.Parameters
		l.Columns[column].N = e.Details.Samples
	}
	for _, f := range o.Failures {
		if l.row(f.Model, f.Pretrained); f.Task != autoTask {
			l.column(f.cell())
		}
	}
	cells := make([][]*Entry, len(l.Models))
	l.Cells = make([][]*pageCell, len(l.Models))
	for i := range l.Cells {
		l.Cells[i], cells[i] = make([]*pageCell, len(l.Columns)), make([]*Entry, len(l.Columns))
	}
	for _, f := range o.Failures {
		if f.Task != autoTask {
			l.Cells[l.row(f.Model, f.Pretrained)][l.column(f.cell())] = &pageCell{Error: f.Error}
		}
	}
	for i, e := range o.Entries {
		row, column := l.row(e.Result.Model, e.Result.Pretrained), l.column(cellOfResult(e.Result))
		l.Cells[row][column], cells[row][column] = cellOf(e), &o.Entries[i]
	}
	for _, a := range Averages(o.Entries) {
		l.Models[l.row(a.Model, a.Pretrained)].Averages = a.Averages
	}
	l.distinguish()
	return l.pageContent, cells
}

// distinguish gives models with the same short name their full ones.
func (c *pageContent) distinguish() {
	count := map[string]int{}
	for _, m := range c.Models {
		count[m.Name]++
	}
	for i, m := range c.Models {
		if count[m.Name] > 1 {
			c.Models[i].Name = m.Full
		}
	}
}

// modelName is short: the last part of a path, with the tag of the weights.
func modelName(e Entry) string { return shortName(e.Result.Model, e.Result.Pretrained) }

func shortName(model, pretrained string) string { return fullName(filepath.Base(model), pretrained) }

func fullName(model, pretrained string) string {
	if pretrained != "x" {
		return model + " " + pretrained
	}
	return model
}

func cellOf(e Entry) *pageCell {
	c := &pageCell{Samples: e.Details.Samples, Skipped: e.Details.Skipped, Seconds: e.Details.Seconds, Mistakes: e.Details.Mistakes,
		Parts: e.Parts()}
	if v := e.Main(); !math.IsNaN(v) {
		c.Value = &v
	}
	for _, m := range e.Result.Metrics {
		c.Metrics = append(c.Metrics, [2]string{m.Key, fmt.Sprint(m.Value)})
	}
	c.PerClass = slices.DeleteFunc(slices.Clone(e.Details.PerClass), func(r eval.ClassResult) bool { return r.Recall == nil })
	c.Classes = len(c.PerClass)
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
	c.Confused = e.Details.Confused
	if c.Classes > matrixClasses {
		c.Confused = c.Confused[:min(len(c.Confused), worstPairs)]
	}
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
					all[fmt.Sprintf("%d,%d", i, j)] = pageDifference{d.Value, d.Low, d.High, d.Significant()}
				}
			}
		}
		c.Differences = append(c.Differences, all)
	}
}

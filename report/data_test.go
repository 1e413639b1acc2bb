package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"clipgo/training/record"
)

// TestSourcesAreInThePage has two sources, of which one has no loss at first, and passes with a damaged shard.
func TestSourcesAreInThePage(t *testing.T) {
	rows := []record.Row{
		{Step: 10, Sources: []record.Source{{Name: "a.csv", Loss: 3}, {Name: "b.tar", Loss: record.Number(math.NaN())}}},
		{Step: 20, Sources: []record.Source{{Name: "a.csv", Loss: 2}, {Name: "b.tar", Loss: 4}}, Passes: []record.Pass{{Source: "b.tar",
			Pass: 3, Present: 12345, Used: 12340, Skipped: 5, Shards: 2,
			Damaged: []record.Shard{{File: "b/1.tar", Present: 100, Used: 95, Skipped: 5}}}}},
	}
	var b bytes.Buffer
	err := Write(&b, Run{Title: "x", Rows: rows, Sources: []Source{
		{Name: "a.csv", Kind: "table", Present: 1234567, Samples: 75, Share: 0.75, Used: 70, Skipped: 5, Passes: 1.5},
		{Name: "b.tar", Kind: "shards"}}})
	if err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"Loss by source", "Training data", "1,234,567", percent(0.75), "Passes over the data", "12,345",
		"shard b/1.tar", ">3<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if c := bySource(rows); len(c.lines) != 2 || len(c.lines[0].points) != 2 || len(c.lines[1].points) != 1 {
		t.Errorf("%+v", c.lines)
	}
	b.Reset()
	if err := Write(&b, Run{Title: "x", Rows: []record.Row{{Step: 1, Loss: 2}}}); err != nil || strings.Contains(b.String(), "source") {
		t.Errorf("a page without sources has them, %v", err)
	}
}

// TestManySourcesAndPassesAreBounded has more of both than a page should show.
func TestManySourcesAndPassesAreBounded(t *testing.T) {
	row := record.Row{Step: 1}
	for i := range 100 {
		row.Sources = append(row.Sources, record.Source{Name: fmt.Sprint(i), Loss: 1})
		row.Passes = append(row.Passes, record.Pass{Source: fmt.Sprint(i), Pass: 1, Present: 1, Used: 1})
	}
	passes, earlier := viewPasses([]record.Row{row})
	if c := bySource([]record.Row{row}); len(c.lines) != mostLines || !strings.Contains(c.About, "first 6 sources") {
		t.Errorf("%d lines: %s", len(c.lines), c.About)
	}
	if len(passes) != mostPasses || earlier != 40 || passes[0].Name != "40" {
		t.Errorf("%d passes, %d earlier", len(passes), earlier)
	}
}

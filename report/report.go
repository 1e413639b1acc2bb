// Package report writes a training's report as one self-contained HTML page: curves, settings, examples, findings.
//
// The page needs no script, no network and no other file. It follows the reader's light or dark preference.
package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"clipgo/eval"
	"clipgo/training/record"
)

// Run is the content of the page. Empty fields are omitted.
type Run struct {
	Title       string
	Subtitle    string  // one line under the title: model, data, when
	BatchSize   int     // for the loss of guessing, ln(batch); 0 if the loss has no such line
	Chance      float64 // loss of guessing, if it isn't ln(batch); 0: none
	LossIs      string  // a sentence that describes the loss; empty: the contrastive loss
	Loss        float64 // final loss, smoothed; 0: that of the last row
	MaxScale    float64
	About       map[string]string // a sentence that describes each group of measured values
	Settings    []Setting
	Rows        []record.Row
	Curves      []record.Curve // numbers of the rows that are drawn beside the loss
	Evaluations []Evaluation
	Examples    []Example
	Findings    []record.Finding
	Sources     []Source
	Rollouts    []Rollout
	Anatomy     *Anatomy
}

// Setting is a line of the settings table.
type Setting struct{ Name, Value string }

// Evaluation holds the values measured after a step. The page shows the fractions among them, and other numbers
// that have a group.
type Evaluation struct {
	Step   int
	Values []eval.Value
}

// Example is a caption and the pictures nearest to it, best first.
type Example struct {
	Caption string
	Hits    []Hit
}

// Hit is a picture, small, as the bytes of a PNG, JPEG, GIF or WebP file.
type Hit struct {
	Thumbnail []byte
	Label     string
	Score     float64
	Verdict   Verdict
}

// Verdict is whether a hit is a right answer.
type Verdict string

// Unjudged hits have no mark.
const (
	Unjudged Verdict = ""
	Right    Verdict = "right"
	Wrong    Verdict = "wrong"
)

// Rollout is a picture with generated captions.
type Rollout struct {
	Thumbnail []byte
	Lines     []RolloutLine
}

// RolloutLine is a caption with its reward; Name is the model that generated it.
type RolloutLine struct {
	Name, Caption string
	Reward        float64
}

//go:embed page.html
var pageSource string

// Write writes the page.
func Write(w io.Writer, run Run) error {
	return WritePage(w, pageSource, "", view(run))
}

// pageView is the data of the template.
type pageView struct {
	Run
	Tiles    []Tile
	Charts   []*chart
	Examples []exampleView
	Anatomy  *anatomyView
	Rollouts []rolloutView
	Data     []dataView
	Passes   []passView
	Earlier  int // passes that are not shown
}

type rolloutView struct {
	Source template.URL
	Lines  []rolloutLineView
}

type rolloutLineView struct{ Name, Caption, Reward string }

type exampleView struct {
	Caption string
	Hits    []hitView
}

type hitView struct {
	Hit
	Source template.URL
	Text   string // of the score
}

func view(run Run) pageView {
	if run.MaxScale == 0 {
		run.MaxScale = 100
	}
	run.Evaluations = drawn(run.Evaluations)
	v := pageView{Run: run, Tiles: tiles(run), Charts: charts(run), Anatomy: viewAnatomy(run.Anatomy)}
	v.Data = viewData(run.Sources)
	v.Passes, v.Earlier = viewPasses(run.Rows)
	for _, e := range run.Examples {
		shown := exampleView{Caption: e.Caption}
		for _, h := range e.Hits {
			shown.Hits = append(shown.Hits, hitView{h, DataURI(h.Thumbnail), fmt.Sprintf("%.3f", h.Score)})
		}
		v.Examples = append(v.Examples, shown)
	}
	for _, r := range run.Rollouts {
		shown := rolloutView{Source: DataURI(r.Thumbnail)}
		for _, l := range r.Lines {
			shown.Lines = append(shown.Lines, rolloutLineView{l.Name, cmp.Or(l.Caption, "(empty)"), fmt.Sprintf("%+.2f", l.Reward)})
		}
		v.Rollouts = append(v.Rollouts, shown)
	}
	return v
}

// drawn are the evaluations without the values that no chart is for: other numbers than fractions without a group.
func drawn(all []Evaluation) []Evaluation {
	out := slices.Clone(all)
	for i := range out {
		out[i].Values = slices.DeleteFunc(slices.Clone(out[i].Values), func(v eval.Value) bool {
			return v.Unit != eval.Fraction && v.Group == ""
		})
	}
	return out
}

// tiles are the most important numbers: the final loss, the last evaluation, and the speed.
func tiles(run Run) []Tile {
	var out []Tile
	if n := len(run.Rows); n > 0 {
		last := run.Rows[n-1]
		out = append(out, Tile{"steps", Grouped(last.Step), Grouped(int(last.Samples)) + " samples"})
		loss := Tile{"loss", short(cmp.Or(run.Loss, float64(last.Loss))), ""}
		if run.Loss != 0 {
			loss.Name = "loss, last 20 steps"
		}
		if chance := run.chance(); chance > 0 {
			loss.Note = "chance " + short(chance)
		}
		out = append(out, loss)
	}
	if n := len(run.Evaluations); n > 0 {
		values := run.Evaluations[n-1].Values
		for _, v := range values[:min(len(values), 3)] {
			t := Tile{v.Name, percent(v.Value), ""}
			if v.Unit != eval.Fraction {
				t.Value = short(v.Value)
			}
			if v.Chance > 0 {
				t.Note = "chance " + percent(v.Chance)
			}
			out = append(out, t)
		}
	}
	if pace := medianPace(run.Rows); pace > 0 {
		out = append(out, Tile{"pairs a second", Grouped(int(pace + 0.5)), "median"})
	}
	return out
}

// chance is the loss of guessing; 0 if there is none.
func (r Run) chance() float64 {
	if r.Chance == 0 && r.BatchSize > 1 {
		return math.Log(float64(r.BatchSize))
	}
	return r.Chance
}

func medianPace(rows []record.Row) float64 {
	var all []float64
	for _, r := range rows {
		if r.Pairs > 0 {
			all = append(all, r.Pairs)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

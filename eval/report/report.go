// Package report writes what a training did as one self-contained HTML page: curves, settings, examples, findings.
//
// The page needs no script, no network and no other file; it follows the reader's light or dark preference.
package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"clipgo/training/record"
)

// Run is a training as the page shows it. Whatever is empty is left out.
type Run struct {
	Title       string
	Subtitle    string  // one line under the title: model, data, when
	BatchSize   int     // for the chance line of the loss, ln(batch); 0 where the loss has none
	Chance      float64 // loss of guessing, where it isn't that; 0: there is none
	LossIs      string  // what the loss is, a sentence; empty: the contrastive one
	Loss        float64 // how it ended, smoothed; 0: that of the last row
	MaxScale    float64
	About       map[string]string // what a group of measured values is, a sentence
	Settings    []Setting
	Rows        []record.Row
	Evaluations []Evaluation
	Examples    []Example
	Findings    []record.Finding
	Rollouts    []Rollout
	Anatomy     *Anatomy
}

// Setting is a line of the settings table.
type Setting struct{ Name, Value string }

// Evaluation is what was measured after a step.
type Evaluation struct {
	Step   int
	Values []Value
}

// Value is a measured fraction under its name; Chance is what guessing would give, 0 where unknown.
type Value struct {
	Name          string
	Group         string // heading of the chart that it is drawn in
	Value, Chance float64
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

// Verdict says whether a hit is what was asked for.
type Verdict string

// Unjudged hits carry no mark.
const (
	Unjudged Verdict = ""
	Right    Verdict = "right"
	Wrong    Verdict = "wrong"
)

// Rollout is a picture and what was written of it.
type Rollout struct {
	Thumbnail []byte
	Lines     []RolloutLine
}

// RolloutLine is a caption with its reward; Name says whose it is.
type RolloutLine struct {
	Name, Caption string
	Reward        float64
}

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// Write writes the page.
func Write(w io.Writer, run Run) error {
	page, err := template.New("report").Parse(pageSource)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer // whole or not at all
	if err := page.Execute(&b, view(run)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// pageView is what the template shows.
type pageView struct {
	Run
	Style    template.CSS
	Tiles    []tile
	Charts   []*chart
	Examples []exampleView
	Anatomy  *anatomyView
	Rollouts []rolloutView
}

type rolloutView struct {
	Source template.URL
	Lines  []rolloutLineView
}

type rolloutLineView struct{ Name, Caption, Reward string }

type tile struct{ Name, Value, Note string }

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
	v := pageView{Run: run, Style: template.CSS(pageStyle), Tiles: tiles(run), Charts: charts(run), Anatomy: viewAnatomy(run.Anatomy)}
	for _, e := range run.Examples {
		shown := exampleView{Caption: e.Caption}
		for _, h := range e.Hits {
			shown.Hits = append(shown.Hits, hitView{h, dataURI(h.Thumbnail), fmt.Sprintf("%.3f", h.Score)})
		}
		v.Examples = append(v.Examples, shown)
	}
	for _, r := range run.Rollouts {
		shown := rolloutView{Source: dataURI(r.Thumbnail)}
		for _, l := range r.Lines {
			shown.Lines = append(shown.Lines, rolloutLineView{l.Name, cmp.Or(l.Caption, "(empty)"), fmt.Sprintf("%+.2f", l.Reward)})
		}
		v.Rollouts = append(v.Rollouts, shown)
	}
	return v
}

// tiles are the numbers to see first: how the loss ended, the last evaluation, and the pace.
func tiles(run Run) []tile {
	var out []tile
	if n := len(run.Rows); n > 0 {
		last := run.Rows[n-1]
		out = append(out, tile{"steps", grouped(last.Step), grouped(int(last.Samples)) + " samples"})
		loss := tile{"loss", short(cmp.Or(run.Loss, float64(last.Loss))), ""}
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
			t := tile{v.Name, percent(v.Value), ""}
			if v.Chance > 0 {
				t.Note = "chance " + percent(v.Chance)
			}
			out = append(out, t)
		}
	}
	if pace := medianPace(run.Rows); pace > 0 {
		out = append(out, tile{"pairs a second", grouped(int(pace + 0.5)), "median"})
	}
	return out
}

// chance is the loss of guessing; 0 where there is none.
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

// dataURI inlines a picture of a known format; others are left out.
func dataURI(data []byte) template.URL {
	kinds := []struct{ magic, mime string }{
		{"\x89PNG", "image/png"}, {"\xff\xd8\xff", "image/jpeg"}, {"GIF8", "image/gif"}, {"RIFF", "image/webp"},
	}
	for _, k := range kinds {
		if bytes.HasPrefix(data, []byte(k.magic)) {
			return template.URL("data:" + k.mime + ";base64," + base64.StdEncoding.EncodeToString(data))
		}
	}
	return ""
}

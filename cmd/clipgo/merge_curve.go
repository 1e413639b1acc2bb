package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/weights"
)

// mergeResult is what merge did.
type mergeResult struct {
	Models []string      `json:"models"`
	Data   string        `json:"data,omitempty"`
	Points []*mergePoint `json:"points"`
	Metric string        `json:"metric,omitempty"` // that the best point was chosen by
	Best   *mergePoint   `json:"best,omitempty"`   // nil: nothing was measured
	Out    string        `json:"out,omitempty"`
}

// finish measures the points, writes the best one, and prints the result.
func (m *merger) finish(ctx context.Context, points []*mergePoint) error {
	r := mergeResult{Points: points, Data: m.options.Eval, Out: m.options.Out}
	for _, src := range m.sources {
		r.Models = append(r.Models, src.Name)
	}
	chosen := points[0]
	if m.options.Eval != "" {
		if err := m.measure(ctx, points); err != nil {
			return err
		}
		measured := make([][]eval.Value, len(points))
		for i, p := range points {
			measured[i] = p.measured
		}
		metric, best := eval.Best(measured)
		r.Metric, r.Best = metric, points[best]
		chosen = r.Best
	}
	if r.Out != "" {
		if err := m.write(chosen, r); err != nil {
			return err
		}
	}
	if m.json {
		return m.result(r)
	}
	r.tell(m.console, chosen)
	return nil
}

// mergeColumns lists the values that the table shows, in order; the JSON has all.
func mergeColumns() []struct{ name, title string } {
	return []struct{ name, title string }{
		{eval.ZeroShotTop1, "top-1"}, {eval.ZeroShotTop5, "top-5"},
		{eval.ImageRecallName(1), "picture R@1"}, {eval.TextRecallName(1), "caption R@1"},
	}
}

// measure fills in the points' values.
func (m *merger) measure(ctx context.Context, points []*mergePoint) (err error) {
	o := m.options
	src, err := datasets.Open(ctx, o.Eval, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	tellNotes(m.console, src.Info())
	o.Preprocess = m.sources[0].Preprocess
	at, err := o.Placement()
	if err != nil {
		return err
	}
	bar := m.progress("measure", int64(src.Len())*int64(len(points)))
	defer bar.done()
	for i, p := range points {
		pass := &pretrained.Pass{Source: src, Seen: func(n int64) { bar.set(int64(i)*int64(src.Len()) + n) }}
		if i == 0 { // skipped samples are reported once
			pass.Skipped = m.tellSkip
		}
		if err := m.measureOne(ctx, p, pass, at); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) measureOne(ctx context.Context, p *mergePoint, pass *pretrained.Pass, at model.Placement) error {
	first := m.sources[0]
	model, err := model.Load(ctx, first.Config, p.set, at)
	if err != nil {
		return first.Blame(err)
	}
	defer model.Free()
	model.Preprocess = first.Preprocess
	pass.Embedder = pretrained.NewEmbedder(model, first, m.tokens, m.options.Settings)
	if pass.Embedder.Source.Templates, err = pass.Embedder.TemplatesIn(m.options.Templates, pass.Source.Info()); err != nil {
		return err
	}
	values, err := eval.All(ctx, []eval.Evaluator{pass.ZeroShot(), pass.Retrieval(1, 5, 10)})
	if err != nil {
		return err
	}
	if m.tokens, err = pass.Embedder.Tokenizer(); err != nil {
		m.tokens = nil // pictures with classes alone need none
	}
	if len(values) == 0 {
		return usagef("--eval: %s has neither classes nor captions to measure by", m.options.Eval)
	}
	p.measured, p.Values = values, map[string]float64{}
	for _, value := range values {
		p.Values[value.Name] = value.Value
	}
	return nil
}

// write makes the folder of the chosen point.
func (m *merger) write(p *mergePoint, r mergeResult) error {
	b, err := m.sources[0].Bundle(m.opened[0])
	if err != nil {
		return err
	}
	b.Set = p.set
	if !pretrained.SamePrompts(m.sources) {
		m.log.Warn("the models were trained with different prompts: " + r.Out + " keeps none of them")
		b.Also = nil
	}
	b.Card = func(w io.Writer) error { return mergeCard(w, p, r) }
	return weights.WriteOpenCLIP(m.options.Out, b)
}

// tell prints the curve and what was chosen and written.
func (r mergeResult) tell(c *console, chosen *mergePoint) {
	if r.Best != nil {
		for _, line := range r.table() {
			c.print("%s", line)
		}
	}
	if len(r.Points) > 1 {
		by := "top-1"
		if r.Metric == eval.MeanRecall {
			by = "the mean of the recalls at 1"
		}
		c.print("best alpha %s, by %s", chosen, by)
	}
	if r.Out != "" {
		c.print("%s: %s", r.Out, r.recipe(chosen))
	}
}

// table is a line a point under a line of titles, in percent.
func (r mergeResult) table() []string {
	head, lines := fmt.Sprintf("%8s", "alpha"), make([]string, len(r.Points))
	for i, p := range r.Points {
		lines[i] = fmt.Sprintf("%8s", p)
	}
	for _, column := range mergeColumns() {
		if _, ok := r.Best.value(column.name); !ok {
			continue
		}
		head += fmt.Sprintf("  %12s", column.title)
		for i, p := range r.Points {
			v, _ := p.value(column.name)
			lines[i] += fmt.Sprintf("  %10.2f %%", 100*v.Value)
		}
	}
	return append([]string{head}, lines...)
}

// recipe says how a point was made.
func (r mergeResult) recipe(p *mergePoint) string {
	names := make([]string, len(r.Models))
	for i, n := range r.Models {
		names[i] = filepath.Base(n)
	}
	if p.Alpha == nil {
		return "the mean of " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("(1-alpha) * %s + alpha * %s with alpha %s", names[0], names[1], p)
}

// mergeCard is README.md of a merged model.
func mergeCard(w io.Writer, p *mergePoint, r mergeResult) error {
	var measured strings.Builder
	if r.Best != nil {
		fmt.Fprintf(&measured, "Measured on %s:\n\n```\n%s\n```\n\n", filepath.Base(r.Data), strings.Join(r.table(), "\n"))
	}
	_, err := fmt.Fprintf(w, `---
library_name: open_clip
pipeline_tag: zero-shot-image-classification
tags:
- clip
- merge
---
# %s

Merged by clipgo %s: %s, over all parameters, computed in float64 and rounded once.

%s`+"```python\nmodel, _, preprocess = open_clip.create_model_and_transforms(\"local-dir:FOLDER\")\n"+
		"tokenizer = open_clip.get_tokenizer(\"local-dir:FOLDER\")\n```\n", filepath.Base(r.Out), version, r.recipe(p), measured.String())
	return err
}

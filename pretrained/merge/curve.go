package merge

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/weights"
)

// Result is what a merge did.
type Result struct {
	Models []string `json:"models"`
	Data   string   `json:"data,omitempty"`
	Points []*Point `json:"points"`
	Metric string   `json:"metric,omitempty"` // that the best point was chosen by
	Best   *Point   `json:"best,omitempty"`   // nil: nothing was measured
	Out    string   `json:"out,omitempty"`

	chosen *Point // is written, if one is
}

// finish measures the points and writes the best one.
func (m *merger) finish(ctx context.Context, points []*Point) (r Result, err error) {
	r = Result{Points: points, Data: m.options.Eval, Out: m.options.Out, chosen: points[0]}
	for _, src := range m.sources {
		r.Models = append(r.Models, src.Name)
	}
	if m.options.Eval != "" {
		if err := m.measure(ctx, points); err != nil {
			return r, err
		}
		measured := make([][]eval.Value, len(points))
		for i, p := range points {
			measured[i] = p.measured
		}
		metric, best := eval.Best(measured)
		r.Metric, r.Best, r.chosen = metric, points[best], points[best]
	}
	if r.Out != "" {
		err = m.write(r)
	}
	return r, err
}

// columns lists the values that the table shows, in order; the JSON has all.
func columns() []struct{ name, title string } {
	return []struct{ name, title string }{
		{eval.ZeroShotTop1, "top-1"}, {eval.ZeroShotTop5, "top-5"},
		{eval.ImageRecallName(1), "picture R@1"}, {eval.TextRecallName(1), "caption R@1"},
	}
}

// measure fills in the points' values.
func (m *merger) measure(ctx context.Context, points []*Point) (err error) {
	o := m.options
	src, err := datasets.Open(ctx, o.Eval, o.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	o.Opened(src.Info())
	o.Preprocess = m.sources[0].Preprocess
	at, err := o.Placement()
	if err != nil {
		return err
	}
	n := int64(src.Len())
	for i, p := range points {
		pass := &pretrained.Pass{Source: src, Seen: func(seen int64) { o.Progress(int64(i)*n+seen, n*int64(len(points))) }}
		if i == 0 { // skipped samples are reported once
			pass.Skipped = o.Skipped
		}
		if err := m.measureOne(ctx, p, pass, at); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) measureOne(ctx context.Context, p *Point, pass *pretrained.Pass, at model.Placement) error {
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
		return fault.Setting("eval", "%s has neither classes nor captions to measure by", m.options.Eval)
	}
	p.measured, p.Values = values, map[string]float64{}
	for _, value := range values {
		p.Values[value.Name] = value.Value
	}
	return nil
}

// write makes the folder of the chosen point.
func (m *merger) write(r Result) error {
	b, err := m.sources[0].Bundle(m.opened[0])
	if err != nil {
		return err
	}
	b.Set = r.chosen.set
	if !pretrained.SamePrompts(m.sources) {
		m.options.Log.Warn("the models were trained with different prompts: " + r.Out + " keeps none of them")
		b.Also = nil
	}
	text := fmt.Sprintf("Merged by %s: %s, over all parameters, computed in float64 and rounded once.\n", m.options.Program, r.recipe())
	if r.Best != nil {
		text += fmt.Sprintf("\nMeasured on %s:\n\n```\n%s\n```\n", filepath.Base(r.Data), strings.Join(r.table(), "\n"))
	}
	b.Card = weights.Card(false, filepath.Base(r.Out), text, "merge")
	return weights.WriteOpenCLIP(m.options.Out, b)
}

// Lines are the curve and what was chosen and written, for people.
func (r Result) Lines() (out []string) {
	if r.Best != nil {
		out = r.table()
	}
	if len(r.Points) > 1 {
		by := "top-1"
		if r.Metric == eval.MeanRecall {
			by = "the mean of the recalls at 1"
		}
		out = append(out, fmt.Sprintf("best alpha %s, by %s", r.chosen, by))
	}
	if r.Out != "" {
		out = append(out, r.Out+": "+r.recipe())
	}
	return out
}

// table is a line a point under a line of titles, in percent.
func (r Result) table() []string {
	head, lines := fmt.Sprintf("%8s", "alpha"), make([]string, len(r.Points))
	for i, p := range r.Points {
		lines[i] = fmt.Sprintf("%8s", p)
	}
	for _, column := range columns() {
		if _, ok := eval.Find(r.Best.measured, column.name); !ok {
			continue
		}
		head += fmt.Sprintf("  %12s", column.title)
		for i, p := range r.Points {
			v, _ := eval.Find(p.measured, column.name)
			lines[i] += fmt.Sprintf("  %10.2f %%", 100*v.Value)
		}
	}
	return append([]string{head}, lines...)
}

// recipe says how the chosen point was made.
func (r Result) recipe() string {
	names := make([]string, len(r.Models))
	for i, n := range r.Models {
		names[i] = filepath.Base(n)
	}
	if r.chosen.Alpha == nil {
		return "the mean of " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("(1-alpha) * %s + alpha * %s with alpha %s", names[0], names[1], r.chosen)
}

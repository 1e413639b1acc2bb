package main

import (
	"context"
	"fmt"

	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/text/tokenizer"
	"clipgo/weights"
)

type mergeOptions struct {
	pretrained.Settings
	Alpha     string `json:"alpha" flag:"alpha" arg:"x|from:to:step" help:"B's share, between 0 and 1; a range needs --eval"`
	Eval      string `json:"eval" flag:"eval" arg:"DATA" help:"what to measure the results on"`
	Templates string `json:"templates" flag:"templates" arg:"file" help:"prompt templates, one a line, {} for the name"`
	Out       string `json:"out" flag:"out" arg:"dir" help:"where the model is written, a new folder"`
}

// merger holds the models while they are merged.
type merger struct {
	*console
	options *mergeOptions
	sources []pretrained.Source
	opened  []*weights.Checkpoint
	tokens  tokenizer.Tokenizer // of all of them; nil until a caption comes
}

// mergePoint is one merged model and what was measured of it.
type mergePoint struct {
	Alpha  *float64           `json:"alpha"` // nil: the mean
	Values map[string]float64 `json:"values,omitempty"`
	// measured are the same with their groups, units and chance levels.
	measured []eval.Value
	set      weights.Set
}

// value returns the measured value with a name; ok reports whether it was measured.
func (p *mergePoint) value(name string) (v eval.Value, ok bool) {
	return eval.Find(p.measured, name)
}

func (p *mergePoint) String() string {
	if p.Alpha == nil {
		return "mean"
	}
	return fmt.Sprintf("%.6g", *p.Alpha)
}

// Close closes the models' files.
func (m *merger) Close() (err error) {
	for _, w := range m.opened {
		closeWith(&err, w)
	}
	return err
}

// open finds a model and checks that it goes with the first.
func (m *merger) open(ctx context.Context, name string) error {
	src, err := m.findModel(ctx, name, "")
	if err != nil {
		return err
	}
	for _, note := range src.Notes {
		m.log.Warn(note)
	}
	if src.Weights == "" {
		return usagef("%s is a config without weights", name)
	}
	w, err := src.OpenWeights()
	if err != nil {
		return err
	}
	m.sources, m.opened = append(m.sources, src), append(m.opened, w)
	for _, tensor := range w.Names() {
		if t, _ := w.Tensor(tensor); !t.Finite() {
			return fault.Modelf(name, "%s", "not a finite number in "+tensor)
		}
	}
	if difference := m.sources[0].Differs(src); difference != "" {
		return fault.Modelf(name, "it doesn't go with %s: %s", m.sources[0].Name, difference)
	}
	return nil
}

// join makes the points' weights; nothing is computed before it is asked for.
func (m *merger) join(alphas []float64) (points []*mergePoint, err error) {
	if len(alphas) == 0 {
		sets := make([]weights.Set, len(m.opened))
		for i, w := range m.opened {
			sets[i] = w
		}
		p := &mergePoint{}
		p.set, err = weights.Average(sets...)
		points = append(points, p)
	}
	for _, alpha := range alphas {
		p := &mergePoint{Alpha: &alpha}
		if p.set, err = weights.Interpolate(m.opened[0], m.opened[1], alpha); err != nil {
			break
		}
		points = append(points, p)
	}
	if err != nil {
		return nil, fault.Modelf(m.sources[len(m.sources)-1].Name, "%s", err.Error())
	}
	return points, nil
}

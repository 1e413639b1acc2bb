// Package merge joins models of one architecture, tokenizer and preprocessing number by number: the mean of several (a model soup), or
// points between two (WiSE-FT), measured on data.
package merge

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/text/tokenizer"
	"clipgo/weights"
)

// Options are the settings of a merge.
type Options struct {
	pretrained.Settings
	Alpha     string `json:"alpha" flag:"alpha" arg:"x|from:to:step" help:"B's share, between 0 and 1; a range needs --eval"`
	Eval      string `json:"eval" flag:"eval" arg:"DATA" help:"what to measure the results on"`
	Templates string `json:"templates" flag:"templates" arg:"file" help:"prompt templates, one a line, {} for the name"`
	Out       string `json:"out" flag:"out" arg:"dir" help:"where the model is written, a new folder"`

	Program  string                  `json:"-"` // that merges, for README.md of the model
	Opened   func(datasets.Info)     `json:"-"` // is called when the data of Eval is open
	Skipped  func(datasets.Skip)     `json:"-"` // is called with each sample that can't be used, once
	Progress func(done, total int64) `json:"-"` // of the samples of all points
}

// ParseAlphas reads x or from:to:step, within 0 and 1.
func ParseAlphas(text string) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var v []float64
	for part := range strings.SplitSeq(text, ":") {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil || math.IsNaN(x) {
			return nil, fault.Setting("alpha", "%q is neither a number nor from:to:step", text)
		}
		v = append(v, x)
	}
	switch {
	case len(v) == 1:
		v = []float64{v[0], v[0], 1}
	case len(v) != 3:
		return nil, fault.Setting("alpha", "%q is neither a number nor from:to:step", text)
	}
	from, to, step := v[0], v[1], v[2]
	const most = 1000
	if from < 0 || to > 1 || from > to || step <= 0 || (to-from)/step > most {
		return nil, fault.Setting("alpha", "%s is not within 0 and 1, in at most %d steps upwards", text, most)
	}
	var alphas []float64
	for i := range int((to-from)/step+1e-6) + 1 {
		alphas = append(alphas, min(to, math.Round((from+float64(i)*step)*1e9)/1e9)) // 0.3, not 0.30000000000000004
	}
	return alphas, nil
}

// Run merges the models with the given names: their mean, or (1-alpha)*A + alpha*B of two models for each of alphas. It measures the
// results if the options name data, and writes one of them if they name a folder: the best if they are measured.
func Run(ctx context.Context, o *Options, names []string, alphas []float64) (r Result, err error) {
	m := &merger{options: o}
	defer func() {
		for _, w := range m.opened {
			err = errors.Join(err, w.Close())
		}
	}()
	for _, name := range names {
		if err := m.open(ctx, name); err != nil {
			return r, err
		}
	}
	points, err := m.join(alphas)
	if err != nil {
		return r, err
	}
	return m.finish(ctx, points)
}

// merger holds the models while they are merged.
type merger struct {
	options *Options
	sources []pretrained.Source
	opened  []*weights.Checkpoint
	tokens  tokenizer.Tokenizer // of all of them; nil until a caption comes
}

// Point is one merged model and what was measured of it.
type Point struct {
	Alpha  *float64           `json:"alpha"` // nil: the mean
	Values map[string]float64 `json:"values,omitempty"`
	// measured are the same with their groups, units and chance levels.
	measured []eval.Value
	set      weights.Set
}

func (p *Point) String() string {
	if p.Alpha == nil {
		return "mean"
	}
	return fmt.Sprintf("%.6g", *p.Alpha)
}

// open finds a model and checks that it goes with the first.
func (m *merger) open(ctx context.Context, name string) error {
	src, err := m.options.Find(ctx, name, "")
	if err != nil {
		return err
	}
	for _, note := range src.Notes {
		m.options.Log.Warn(note)
	}
	if src.Weights == "" {
		return fault.Usagef("%s is a config without weights", name)
	}
	w, err := src.OpenWeights()
	if err != nil {
		return err
	}
	m.sources, m.opened = append(m.sources, src), append(m.opened, w)
	if err := weights.Finite(w); err != nil {
		return fault.Modelf(name, "%s", err.Error())
	}
	if difference := differs(m.sources[0], src); difference != "" {
		return fault.Modelf(name, "it doesn't go with %s: %s", m.sources[0].Name, difference)
	}
	return nil
}

// join makes the points' weights; nothing is computed before it is asked for.
func (m *merger) join(alphas []float64) (points []*Point, err error) {
	if len(alphas) == 0 {
		sets := make([]weights.Set, len(m.opened))
		for i, w := range m.opened {
			sets[i] = w
		}
		p := &Point{}
		p.set, err = weights.Average(sets...)
		points = append(points, p)
	}
	for _, alpha := range alphas {
		p := &Point{Alpha: &alpha}
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

// startsOnly are settings of a training, or of its start, which say nothing of the model that came out.
var startsOnly = []string{"init_logit_scale", "init_logit_bias", "vision_cfg.patch_dropout", "text_cfg.hf_tokenizer_name"}

// differs names what makes two models another architecture, preprocessing or tokenizer; empty: nothing does.
func differs(src, other pretrained.Source) string {
	if d := difference(src.Config, other.Config); d != "" {
		return d
	}
	if d := difference(pretrained.Portable(src.Preprocess), pretrained.Portable(other.Preprocess)); d != "" {
		return "preprocess_cfg." + d
	}
	if ours, theirs := src.TokenizerFingerprint(), other.TokenizerFingerprint(); ours != theirs {
		if _, err := other.Tokenizer(); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("the tokenizer gives other ids (fingerprint %s, not %s)", theirs, ours)
	}
	return ""
}

// difference names the first setting that is not the same.
func difference(a, b any) string {
	ours, theirs := config.Of(config.Default, a), config.Of(config.Default, b)
	for _, key := range config.Merge(ours, theirs).Sorted() {
		is, not := theirs[key].String(), ours[key].String()
		if is != not && !slices.Contains(startsOnly, key) {
			return fmt.Sprintf("%s is %s, not %s", key, is, not)
		}
	}
	return ""
}

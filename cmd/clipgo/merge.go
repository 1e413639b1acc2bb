package main

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

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

func newMerge(a *app) *cobra.Command {
	o := mergeOptions{Settings: pretrained.DefaultSettings()}
	c := &cobra.Command{
		Use:   "merge A B... [--alpha 0.5|0:1:0.1] [--eval DATA] [--out DIR]",
		Short: "Interpolate two models, or average several, and measure what comes out",
		Long: `merge joins models of one architecture, tokenizer and preprocessing number by number.

With --alpha, two: (1-alpha)*A + alpha*B. A is the model before fine-tuning and B the one after it, so that 0 gives A back and 1
gives B, bit for bit (WiSE-FT). Without --alpha, any number: their mean (a model soup).

--eval measures each result: zero-shot accuracy where DATA has classes, and recall where it has captions. With a range of alphas it
prints the whole curve and the best alpha: by top-1, else by the mean of the two recalls at 1; the smaller of equal ones.
Prompts are those that zeroshot would take for A. Choose on validation data, and report on other data.

--out writes one model in open_clip's layout: the only result, or the best of the curve.`,
		Example: `  clipgo merge clip-b32 runs/tuned --alpha 0.5 --out wise
  clipgo merge clip-b32 runs/tuned --alpha 0:1:0.1 --eval birds/val --out wise
  clipgo merge runs/seed1 runs/seed2 runs/seed3 --out soup`,
		Args: cobra.MinimumNArgs(2),
	}
	b := bind(c, &o, "model", "pretrained", "seed")
	c.RunE = func(c *cobra.Command, args []string) error {
		if _, err := b.apply(); err != nil {
			return err
		}
		return o.run(c.Context(), a.console, args)
	}
	return c
}

func (o *mergeOptions) run(ctx context.Context, c *console, names []string) (err error) {
	alphas, err := o.alphas(len(names))
	if err != nil {
		return err
	}
	if o.Out != "" {
		if err := vacant(o.Out); err != nil {
			return err
		}
	}
	m := &merger{console: c, options: o}
	defer closeWith(&err, m)
	for _, name := range names {
		if err := m.open(ctx, name); err != nil {
			return err
		}
	}
	points, err := m.join(alphas)
	if err != nil {
		return err
	}
	return m.finish(ctx, points)
}

// alphas are the points of --alpha; none means the mean.
func (o *mergeOptions) alphas(models int) ([]float64, error) {
	alphas, err := parseAlphas(o.Alpha)
	switch {
	case err != nil:
		return nil, err
	case o.Out == "" && o.Eval == "":
		return nil, usagef("nothing to do: --out writes the model, --eval measures it")
	case len(alphas) > 0 && models != 2:
		return nil, usagef("--alpha: it is between two models, and %d are named; without it they are averaged", models)
	case len(alphas) > 1 && o.Eval == "":
		return nil, usagef("--alpha %s: a range needs --eval, to say which is best", o.Alpha)
	case o.Templates != "" && o.Eval == "":
		return nil, usagef("--templates: they are for --eval")
	}
	return alphas, nil
}

// parseAlphas reads x or from:to:step.
func parseAlphas(text string) ([]float64, error) {
	if text == "" {
		return nil, nil
	}
	var v []float64
	for part := range strings.SplitSeq(text, ":") {
		x, err := strconv.ParseFloat(part, 64)
		if err != nil || math.IsNaN(x) {
			return nil, usagef("--alpha: %q is neither a number nor from:to:step", text)
		}
		v = append(v, x)
	}
	switch {
	case len(v) == 1:
		v = []float64{v[0], v[0], 1}
	case len(v) != 3:
		return nil, usagef("--alpha: %q is neither a number nor from:to:step", text)
	}
	from, to, step := v[0], v[1], v[2]
	const most = 1000
	if from < 0 || to > 1 || from > to || step <= 0 || (to-from)/step > most {
		return nil, usagef("--alpha: %s is not within 0 and 1, in at most %d steps upwards", text, most)
	}
	var alphas []float64
	for i := range int((to-from)/step+1e-6) + 1 {
		alphas = append(alphas, min(to, math.Round((from+float64(i)*step)*1e9)/1e9)) // 0.3, not 0.30000000000000004
	}
	return alphas, nil
}

// merger holds the models while they are merged.
type merger struct {
	*console
	options *mergeOptions
	sources []pretrained.Source
	opened  []*weights.Checkpoint
	tokens  tokenizer.Tokenizer // of all of them; nil until a caption comes
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

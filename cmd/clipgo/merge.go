package main

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/pretrained"
)

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

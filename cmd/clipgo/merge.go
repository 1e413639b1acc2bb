package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/pretrained/merge"
)

func newMerge(a *app) *cobra.Command {
	o := merge.Options{Settings: pretrained.DefaultSettings()}
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
	b := cli.Bind(c, &o, "model", "pretrained", "seed")
	c.RunE = b.Runs(func(ctx context.Context, _ config.Layer, args []string) error {
		return runMerge(ctx, a.console, &o, args)
	})
	return c
}

func runMerge(ctx context.Context, c *console, o *merge.Options, names []string) error {
	alphas, err := merge.ParseAlphas(o.Alpha)
	switch {
	case err != nil:
		return err
	case o.Out == "" && o.Eval == "":
		return usagef("nothing to do: --out writes the model, --eval measures it")
	case len(alphas) > 0 && len(names) != 2:
		return usagef("--alpha: it is between two models, and %d are named; without it they are averaged", len(names))
	case len(alphas) > 1 && o.Eval == "":
		return usagef("--alpha %s: a range needs --eval, to say which is best", o.Alpha)
	case o.Templates != "" && o.Eval == "":
		return usagef("--templates: they are for --eval")
	}
	if o.Out != "" {
		if err := vacant(o.Out); err != nil {
			return err
		}
	}
	bar := c.laterProgress("measure")
	o.Log, o.Find, o.Program, o.Progress, o.Skipped = c.log, c.findModel, "clipgo "+version, bar.set, c.tellSkip
	o.Opened = func(info datasets.Info) { tellNotes(c, info) }
	r, err := merge.Run(ctx, o, names, alphas)
	bar.done()
	if err != nil {
		return err
	}
	return c.show(r, r.Lines)
}

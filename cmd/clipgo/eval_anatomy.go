package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

type anatomyOptions struct {
	pretrained.Settings
	Candidates int `json:"candidates" min:"2" flag:"candidates" arg:"N" help:"pairs that are compared with each other at a time (default 64)"`
	Sample     int `json:"sample" min:"0" flag:"sample" arg:"N" help:"pictures and captions whose attention is looked at (default 16)"`
}

// defaultAnatomy compares batches of 64 and looks at the attention of 16 pictures and captions.
func defaultAnatomy() anatomyOptions {
	return anatomyOptions{Settings: pretrained.DefaultSettings(), Candidates: 64, Sample: 16}
}

func newEvalAnatomy(a *app) *cobra.Command {
	o := defaultAnatomy()
	c := &cobra.Command{
		Use:   "anatomy --model M DATA",
		Short: "Embedding diagnostics: features, calibration, attention",
		Long: `anatomy looks at a model's features of DATA's pictures and their first captions:
  alignment    mean squared distance of a picture to its caption (lower is better)
  uniformity   log of the mean exp(-2 d^2) within a tower (lower: more spread out; random directions have about -4)
  gap          distance between the mean features of the two towers
  separated    pairs whose cosine is above that of every wrong pair in their batch
  calibration  expected calibration error of the softmax over a batch
  attention    by layer and head, its entropy: 0 is a single token, 1 all visible tokens equally`,
		Example: `  clipgo eval anatomy --model runs/shapes "builtin:shapes?split=val"
  clipgo eval anatomy --model runs/shapes "builtin:shapes?split=val" --json`,
		Args: cobra.ExactArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		all := command{c, args, o, &o.Settings}
		return evaluate(ctx, a, all, said, func(m *pretrained.Embedder, src datasets.Source) (measured, error) {
			p, err := embedPairs(ctx, a.console, m, src)
			if err != nil {
				return nil, err
			}
			return p.Anatomy(ctx, o.Candidates, o.Sample)
		})
	})
	return c
}

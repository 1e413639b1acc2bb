package main

import (
	"context"

	"github.com/spf13/cobra"

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
	b := bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.apply()
		if err != nil {
			return err
		}
		m, err := openModel(c.Context(), a, &o.Settings, said)
		if err != nil {
			return err
		}
		defer m.Free()
		return o.run(c.Context(), a.console, m, args[0])
	}
	return c
}

func (o *anatomyOptions) run(ctx context.Context, c *console, m *pretrained.Embedder, data string) (err error) {
	src, err := openCaptioned(ctx, c, data, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	p, err := embedPairs(ctx, m, c, src)
	if err != nil {
		return err
	}
	found, err := p.Anatomy(ctx, o.Candidates, o.Sample)
	if err != nil {
		return err
	}
	return showMeasured(c, m, src.Info().Name, found)
}

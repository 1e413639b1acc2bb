package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
	"clipgo/run"
)

func newEvalAgreement(a *app) *cobra.Command {
	o := pretrained.DefaultSettings()
	c := &cobra.Command{
		Use:   "agreement --model M PAIRS",
		Short: "How often the reward model agrees with the human judges",
		Long: `agreement compares the rewards of both sides of judged pairs: the model's score, or that of the head that align preference
made for it. PAIRS are those of align preference. Ties are left out, and equal rewards count half.`,
		Example: `  clipgo eval agreement --model runs/reward "builtin:shapes-preferences?split=val" --json
  clipgo eval agreement --model runs/shapes "builtin:shapes-preferences?split=novel"`,
		Args: cobra.ExactArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		m, err := openModel(ctx, a, &o, said)
		if err != nil {
			return err
		}
		defer m.Free()
		return evalAgreement(ctx, a.console, m, args[0])
	})
	return c
}

func evalAgreement(ctx context.Context, c *console, m *pretrained.Embedder, data string) (err error) {
	pairs, err := datasets.OpenPreferences(ctx, data, m.Settings.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, pairs)
	tellNotes(c, pairs.Info())
	head, err := run.RewardHead(ctx, m)
	if err != nil {
		return err
	}
	if head != nil {
		defer head.Free()
	}
	loader, err := m.PairLoader(pairs)
	if err != nil {
		return err
	}
	e := &alignment.AgreementEvaluator{Reward: alignment.Reward{Model: m.Model, Head: head}, Pairs: pairs, Loader: loader,
		Skipped: c.tellSkip}
	r, err := e.Measure(ctx)
	if err != nil {
		return err
	}
	return showMeasured(c, m, pairs.Info().Name, r)
}

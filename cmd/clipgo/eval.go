package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

type retrievalOptions struct {
	pretrained.Settings
	Recalls []int  `json:"recall_k" flag:"recall-k" arg:"K,K" help:"the K of recall at K (default 1,5,10)"`
	Out     string `json:"out" flag:"out" arg:"file" help:"write CLIP_benchmark's JSON into a file"`
}

func newEvalRetrieval(a *app) *cobra.Command {
	o := retrievalOptions{Settings: pretrained.DefaultSettings(), Recalls: []int{1, 5, 10}}
	c := &cobra.Command{
		Use:   "retrieval --model M DATA",
		Short: "Recall at K, pictures by captions and captions by pictures",
		Long: `retrieval asks for each caption's picture among all pictures (image_retrieval_recall@K) and for any caption
of each picture among all captions (text_retrieval_recall@K), as CLIP_benchmark does. A folder with splits is measured on test.`,
		Example: `  clipgo eval retrieval --model runs/emoji builtin:emoji --json`,
		Args:    cobra.ExactArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		for _, n := range o.Recalls {
			if n < 1 {
				return usagef("--recall-k: %d is less than 1", n)
			}
		}
		s := &benchmark.Suite{Recalls: o.Recalls}
		return measureTask(ctx, a, command{c, args, o, &o.Settings}, said, s, benchmark.Command{Task: benchmark.Retrieval}, o.Out,
			(*measuredTask).print)
	})
	return c
}

// evaluate opens the model of --model and the data of c, which has to have captions, and prints what measure returns. All processes embed.
func evaluate(ctx context.Context, a *app, c command, said config.Layer,
	measure func(m *pretrained.Embedder, src datasets.Source) (measured, error)) error {
	c.settings.Data.Need, c.settings.Data.Evaluation = datasets.NeedCaptions, true
	open := func(ctx context.Context) (*pretrained.Embedder, error) { return openModel(ctx, a, c.settings, said) }
	source := func(ctx context.Context) (datasets.Source, error) {
		return datasets.Open(ctx, c.args[0], c.settings.Data)
	}
	return embeds(ctx, a, c, &sourceHelper{openModel: open, openSource: source}, func(ctx context.Context) (err error) {
		m, err := open(ctx)
		if err != nil {
			return err
		}
		defer m.Free()
		src, err := source(ctx)
		if err != nil {
			return err
		}
		defer closeWith(&err, src)
		tellNotes(a.console, src.Info())
		if err := divide(a, c.settings.Model, m); err != nil {
			return err
		}
		r, err := measure(m, src)
		if err != nil {
			return err
		}
		return showMeasured(a.console, m, src.Info().Name, r)
	})
}

// embedPairs embeds a source's pictures and captions, with a progress bar.
func embedPairs(ctx context.Context, c *console, m *pretrained.Embedder, src datasets.Source) (*pretrained.Pass, error) {
	bar := c.progress("embed", int64(src.Len()))
	defer bar.done()
	p := &pretrained.Pass{Source: src, Embedder: m, Skipped: c.tellSkip, Seen: bar.set}
	_, err := p.Features(ctx)
	return p, err
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/pretrained"
)

type retrievalOptions struct {
	pretrained.Settings
	Recalls []int `json:"recall_k" flag:"recall-k" arg:"1,5,10" help:"the K of recall at K"`
}

func newEvalRetrieval(a *app) *cobra.Command {
	o := retrievalOptions{Settings: pretrained.DefaultSettings(), Recalls: []int{1, 5, 10}}
	c := &cobra.Command{
		Use:   "retrieval --model M DATA",
		Short: "Recall at K, pictures by captions and captions by pictures",
		Long: `retrieval asks for each caption's picture among all pictures (image_retrieval_recall@K) and for any caption
of each picture among all captions (text_retrieval_recall@K), as CLIP_benchmark does.`,
		Example: `  clipgo eval retrieval --model runs/emoji builtin:emoji --json`,
		Args:    cobra.ExactArgs(1),
	}
	b := bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.apply()
		if err != nil {
			return err
		}
		for _, n := range o.Recalls {
			if n < 1 {
				return usagef("--recall-k: %d is less than 1", n)
			}
		}
		m, err := openModel(c.Context(), a, &o.Settings, said)
		if err != nil {
			return err
		}
		defer m.Free()
		return o.run(c.Context(), a, m, args[0])
	}
	return c
}

// openCaptioned opens data that has to have captions, and says what was noticed.
func openCaptioned(ctx context.Context, c *console, data string, o datasets.Options) (datasets.Source, error) {
	o.Need = datasets.NeedCaptions
	src, err := datasets.Open(ctx, data, o)
	if err != nil {
		return nil, err
	}
	tellNotes(c, src.Info())
	return src, nil
}

// embedPairs embeds a source's pictures and captions, with a progress bar.
func embedPairs(ctx context.Context, m *pretrained.Embedder, c *console, src datasets.Source) (*pretrained.Pass, error) {
	bar := c.progress("embed", int64(src.Len()))
	defer bar.done()
	p := &pretrained.Pass{Source: src, Embedder: m, Skipped: c.tellSkip, Seen: bar.set}
	_, err := p.Features(ctx)
	return p, err
}

func (o *retrievalOptions) run(ctx context.Context, a *app, m *pretrained.Embedder, data string) (err error) {
	src, err := openCaptioned(ctx, a.console, data, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	p, err := embedPairs(ctx, m, a.console, src)
	if err != nil {
		return err
	}
	r, err := p.Retrieval(o.Recalls...).Measure(ctx)
	if err != nil {
		return err
	}
	return showMeasured(a.console, m, src.Info().Name, r)
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/pretrained"
)

func newEvalCaption(a *app) *cobra.Command {
	o := defaultCaption()
	c := &cobra.Command{
		Use:   "caption --model M DATA",
		Short: "CIDEr, BLEU, ROUGE-L, CLIPScore and perplexity of the captions that a model writes",
		Long: `caption writes a caption for each picture and compares it with those of the data: CIDEr-D, BLEU-1 to 4 and ROUGE-L as
pycocoevalcap computes them (words as the PTB tokenizer splits them, in lower case, without punctuation), CLIPScore by the
model's own features, and the perplexity of the data's captions. METEOR and SPICE, which are Java programs with data of their
own, are not computed. Of builtin:shapes it also says in how many captions colour, shape and count are right.`,
		Example: `  clipgo eval caption --model runs/captioner 'builtin:shapes?split=val' --json`,
		Args:    cobra.ExactArgs(1),
	}
	b := bind(c, &o)
	c.RunE = b.runs(func(ctx context.Context, said config.Layer, args []string) error {
		return evaluate(ctx, a, &o.Settings, said, args[0], func(m *pretrained.Embedder, src datasets.Source) (measured, error) {
			w, err := o.writer(m)
			if err != nil {
				return nil, err
			}
			bar := a.console.progress("caption", int64(src.Len()))
			defer bar.done()
			return w.Score(ctx, m, src, a.console.tellSkip, bar.set)
		})
	})
	return c
}

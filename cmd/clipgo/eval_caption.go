package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/pretrained"
)

func newEvalCaption(a *app) *cobra.Command {
	o := defaultCaption()
	c := &cobra.Command{
		Use:   "caption --model M DATA",
		Short: "CIDEr, BLEU-4, CLIPScore and perplexity of the captions that a model writes",
		Long: `caption writes a caption for each picture and compares it with those of the data: CIDEr-D and BLEU-4 as COCO's
evaluation computes them (words in lower case, without punctuation), CLIPScore by the model's own features, and the
perplexity of the data's captions. Of builtin:shapes it also says in how many captions colour, shape and count are right.`,
		Example: `  clipgo eval caption --model runs/captioner 'builtin:shapes?split=val' --json`,
		Args:    cobra.ExactArgs(1),
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
		return o.evaluate(c.Context(), a, m, args[0])
	}
	return c
}

func (o *captionOptions) evaluate(ctx context.Context, a *app, m *pretrained.Embedder, data string) (err error) {
	src, err := openCaptioned(ctx, a.console, data, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	w, err := o.writer(m)
	if err != nil {
		return err
	}
	bar := a.console.progress("caption", int64(src.Len()))
	r, err := w.Score(ctx, m, src, a.console.tellSkip, bar.set)
	bar.done()
	if err != nil {
		return err
	}
	return showMeasured(a.console, m, src.Info().Name, r)
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/benchmark"
	"clipgo/internal/cli"
	"clipgo/internal/config"
)

type evalCaptionOptions struct {
	captionOptions
	Out string `json:"out" flag:"out" arg:"file" help:"write CLIP_benchmark's JSON into a file"`
}

func newEvalCaption(a *app) *cobra.Command {
	o := evalCaptionOptions{captionOptions: defaultCaption()}
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
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		o.Generation.Seed = o.Seed
		s := &benchmark.Suite{Captions: &benchmark.CaptionSettings{Generation: o.Generation, Prompt: o.Prompt}}
		return measureTask(ctx, a, command{c, args, o, &o.Settings}, said, s, benchmark.Command{Task: benchmark.Captioning}, o.Out,
			(*measuredTask).print)
	})
	return c
}

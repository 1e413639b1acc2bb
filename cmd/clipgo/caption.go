package main

import (
	"context"

	"github.com/spf13/cobra"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/paths"
	"clipgo/pretrained"
)

type captionOptions struct {
	pretrained.Settings
	Generation captioning.Generation `json:"generation"`
	Prompt     string                `json:"prompt" flag:"prompt" arg:"text" help:"what every caption begins with"`
}

func defaultCaption() captionOptions {
	return captionOptions{Settings: pretrained.DefaultSettings(), Generation: captioning.DefaultGeneration()}
}

func newCaption(a *app) *cobra.Command {
	o := defaultCaption()
	c := &cobra.Command{
		Use:   "caption --model M IMAGES...",
		Short: "Write a caption for each picture",
		Long: `caption writes a line for each picture: its path and the caption that a model with a decoder (CoCa) generates.

The model is a run of train --objective coca, or CoCa's weights. Beam search follows several captions at once and takes the
best; greedy takes the most likely token; top-p samples with --seed.

A picture that can't be read costs its own caption. If more than --max-skip of them can't be read, the exit code is 3.`,
		Example: `  clipgo train --train-data builtin:shapes --objective coca --out runs/captioner
  clipgo caption --model runs/captioner 'builtin:shapes?split=val&n=10'
  clipgo caption --model runs/captioner photos/ --method top-p --top-p 0.9 --seed 1 --json`,
		Args: cobra.MinimumNArgs(1),
	}
	b := cli.Bind(c, &o)
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, args []string) error {
		return o.run(ctx, a, said, args)
	})
	return c
}

// writer makes a loaded model ready to write.
func (o *captionOptions) writer(m *pretrained.Embedder) (*captioning.Writer, error) {
	o.Generation.Seed = o.Seed
	return captioning.NewWriter(o.Model, m.Model, m.Tokenizer, o.Generation, o.Prompt)
}

func (o *captionOptions) run(ctx context.Context, a *app, said config.Layer, data []string) (err error) {
	src, err := datasets.OpenAll(ctx, data, o.Data)
	if err != nil {
		return err
	}
	defer closeWith(&err, src)
	tellNotes(a.console, src.Info())
	m, err := openModel(ctx, a, &o.Settings, said)
	if err != nil {
		return err
	}
	defer m.Free()
	w, err := o.writer(m)
	if err != nil {
		return err
	}
	var empty, done int
	skipped := skipping(a.console, m, func(image, reason string) any { return captioning.Written{Image: image, Error: reason} })
	err = m.EachPicture(ctx, src, func(b *datasets.Batch) error {
		lines, err := w.Write(ctx, b)
		for _, line := range lines {
			if done++; line.Caption == "" {
				empty++
			}
			if err := showCaption(a.console, line); err != nil {
				return err
			}
		}
		return err
	}, skipped.tell)
	if empty > 0 {
		a.console.log.Warn("empty captions: try --min-length", "empty", empty, "of", done)
	}
	if err != nil {
		return err
	}
	return skipped.verdict(src.Info().Name, src.Len())
}

func showCaption(c *console, line captioning.Written) error {
	if c.json {
		line.Image = paths.Text(line.Image)
		return c.result(line)
	}
	c.print("%s\t%s", line.Image, line.Caption)
	return nil
}

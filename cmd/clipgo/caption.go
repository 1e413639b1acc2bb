package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/pretrained"
	"clipgo/text/bpe"
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
	b := bind(c, &o)
	c.RunE = func(c *cobra.Command, args []string) error {
		said, err := b.apply()
		if err != nil {
			return err
		}
		return o.run(c.Context(), a, said, args)
	}
	return c
}

// writer is a model that writes captions, with its tokenizer.
type writer struct {
	*pretrained.Embedder
	captioner captioning.Captioner
	words     *bpe.Tokenizer
	how       captioning.Generation
}

// writer makes a loaded model ready to write.
func (o *captionOptions) writer(m *pretrained.Embedder) (*writer, error) {
	c, err := captioning.Of(m.Model)
	if err != nil {
		return nil, fault.Modelf(o.Model, "%s", err.Error())
	}
	tokens, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	words, ok := tokens.(*bpe.Tokenizer)
	if !ok || m.Config.Text.VocabSize != bpe.VocabSize {
		return nil, fault.Modelf(o.Model, "captions are written with CLIP's own vocabulary, and this model has another")
	}
	how := o.Generation
	how.Start, how.End, how.Prompt, how.Seed = bpe.Start, bpe.End, words.Encode(o.Prompt), o.Seed
	if err := how.Validate(m.Config.Text.ContextLength); err != nil {
		if _, long := errors.AsType[*captioning.PromptError](err); long {
			return nil, usagef("--prompt: %v", err)
		}
		return nil, usagef("generation: %v", err)
	}
	return &writer{m, c, words, how}, nil
}

// written is a line of the result.
type written struct {
	Image   string  `json:"image"`
	Caption string  `json:"caption"`
	LogProb float64 `json:"log_prob"`        // natural logarithm, of the tokens behind the prompt
	Ended   bool    `json:"ended"`           // false: it was cut at the greatest length
	Error   string  `json:"error,omitempty"` // why there is no caption
}

// write captions a batch.
func (w *writer) write(ctx context.Context, src datasets.Source, b *datasets.Batch) ([]written, error) {
	captions, err := w.captioner.Generate(ctx, b.Pixels, b.N, w.how)
	if err != nil {
		return nil, err
	}
	w.how.Offset += b.N
	out := make([]written, b.N)
	for i, c := range captions {
		out[i] = written{Image: b.Entries[i].Key, Caption: w.words.Decode(c.IDs), LogProb: c.LogProb, Ended: c.Ended}
	}
	return out, nil
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
	skipped := skipping(a.console, m, func(image, reason string) any { return written{Image: image, Error: reason} })
	err = m.EachPicture(ctx, src, func(b *datasets.Batch) error {
		lines, err := w.write(ctx, src, b)
		for _, line := range lines {
			if done++; line.Caption == "" {
				empty++
			}
			if err := line.show(a.console); err != nil {
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

func (line written) show(c *console) error {
	if c.json {
		line.Image = paths.Text(line.Image)
		return c.result(line)
	}
	c.print("%s\t%s", line.Image, line.Caption)
	return nil
}

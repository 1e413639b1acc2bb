package main

import (
	"context"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/datasets/shapes"
	"clipgo/eval"
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

// captionScores is the result.
type captionScores struct {
	eval.Captions
	CLIPScore  float64     `json:"clip_score"`
	Perplexity float64     `json:"perplexity"`
	Attributes *attributes `json:"attributes,omitempty"` // of builtin:shapes
}

// attributes are the shares of captions that say them rightly.
type attributes struct {
	Color float64 `json:"color"`
	Shape float64 `json:"shape"`
	Count float64 `json:"count"`
	All   float64 `json:"all"`
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
	r, err := w.score(ctx, src, a.console.tellSkip, bar.set)
	bar.done()
	if err != nil {
		return err
	}
	if a.console.json {
		return printMeasured(a.console, m, src.Info().Name, r)
	}
	r.print(a.console, src.Info().Name)
	return nil
}

func (r captionScores) print(c *console, name string) {
	c.print("%s: %d pictures, %.1f words a caption, %d empty", name, r.N, r.MeanWords, r.Empty)
	c.print("  CIDEr       %8.4f", r.CIDEr)
	c.print("  BLEU-4      %8.4f", r.BLEU4)
	c.print("  CLIPScore   %8.4f", r.CLIPScore)
	c.print("  perplexity  %8.4f", r.Perplexity)
	if r.Attributes != nil {
		c.print("  right: colour %.2f %%, shape %.2f %%, count %.2f %%, all three %.2f %%",
			100*r.Attributes.Color, 100*r.Attributes.Shape, 100*r.Attributes.Count, 100*r.Attributes.All)
	}
}

// captionTally collects what is scored.
type captionTally struct {
	described     []eval.Described
	images, texts []float32
	surprise      float64
	tokens        int
	right         attributes // counts, until all are seen
}

// score writes a caption for each picture and measures them all.
func (w *writer) score(ctx context.Context, src datasets.Source, skipped func(datasets.Skip), seen func(int64)) (captionScores, error) {
	var t captionTally
	err := w.EachPicture(ctx, src, func(b *datasets.Batch) error {
		seen(b.Next)
		return w.add(ctx, src, b, &t)
	}, skipped)
	if err != nil {
		return captionScores{}, err
	}
	if len(t.described) == 0 {
		return captionScores{}, &datasets.DataError{Source: src.Info().Name, Reason: "none of the samples can be used"}
	}
	out := captionScores{CLIPScore: eval.CLIPScore(t.images, t.texts, w.Dim()), Perplexity: math.Exp(t.surprise / float64(t.tokens))}
	if out.Captions, err = eval.ScoreCaptions(t.described); err != nil {
		return out, err
	}
	if info := src.Info(); info.Kind == "builtin" && strings.HasPrefix(info.Name, "builtin:shapes") {
		n := float64(len(t.described))
		out.Attributes = &attributes{t.right.Color / n, t.right.Shape / n, t.right.Count / n, t.right.All / n}
	}
	return out, nil
}

// add captions a batch.
func (w *writer) add(ctx context.Context, src datasets.Source, b *datasets.Batch, t *captionTally) error {
	lines, err := w.write(ctx, src, b)
	if err != nil {
		return err
	}
	var captions []string
	for i, line := range lines {
		entry := b.Entries[i]
		captions = append(captions, line.Caption)
		t.described = append(t.described, eval.Described{Caption: line.Caption, References: entry.Captions})
		if entry.Label >= 0 && entry.Label < shapes.Combinations {
			t.right.add(shapes.Read(line.Caption), shapes.Combination(entry.Label).Said())
		}
	}
	images, err := w.EmbedImages(ctx, b.Pixels, b.N)
	if err != nil {
		return err
	}
	texts, err := w.EmbedTexts(ctx, captions)
	if err != nil {
		return err
	}
	t.images, t.texts = append(t.images, images...), append(t.texts, texts...)
	surprise, tokens, err := w.all(ctx, src, b)
	t.surprise, t.tokens = t.surprise+surprise, t.tokens+tokens
	return err
}

func (a *attributes) add(said, scene shapes.Said) {
	for _, x := range []struct {
		count *float64
		right bool
	}{
		{&a.Color, said.Color == scene.Color}, {&a.Shape, said.Shape == scene.Shape}, {&a.Count, said.Count == scene.Count},
		{&a.All, said == scene},
	} {
		if x.right {
			*x.count++
		}
	}
}

// all is -log P of all captions of a batch's pictures, and their tokens.
func (w *writer) all(ctx context.Context, src datasets.Source, b *datasets.Batch) (sum float64, tokens int, err error) {
	words, err := w.Tokenizer()
	if err != nil {
		return 0, 0, err
	}
	for round := 0; ; round++ {
		s, n, err := w.captioner.NegLogLikelihood(ctx, words.Fill, b, func(row int) string {
			if captions := b.Entries[row].Captions; round < len(captions) {
				return captions[round]
			}
			return ""
		})
		if err != nil || n == 0 {
			return sum, tokens, err
		}
		sum, tokens = sum+s, tokens+n
	}
}

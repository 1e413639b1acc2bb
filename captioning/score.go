package captioning

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/datasets/shapes"
	"clipgo/eval"
)

// Scores are the result of Score.
type Scores struct {
	eval.Captions
	CLIPScore  float64     `json:"clip_score"`
	Perplexity float64     `json:"perplexity"`
	Attributes *Attributes `json:"attributes,omitempty"` // of builtin:shapes
	// NotComputed are pycocoevalcap's other scores, with the reason.
	NotComputed map[string]string `json:"not_computed"`
}

// Attributes are the shares of captions that say them rightly.
type Attributes struct {
	Color float64 `json:"color"`
	Shape float64 `json:"shape"`
	Count float64 `json:"count"`
	All   float64 `json:"all"`
}

// Lines are the scores on data, for people.
func (s Scores) Lines(data string) []string {
	out := []string{
		fmt.Sprintf("%s: %d pictures, %.1f words a caption, %d empty", data, s.N, s.MeanWords, s.Empty),
		fmt.Sprintf("  CIDEr       %8.4f", s.CIDEr),
		fmt.Sprintf("  BLEU-1 to 4 %8.4f %.4f %.4f %.4f", s.BLEU1, s.BLEU2, s.BLEU3, s.BLEU4),
		fmt.Sprintf("  ROUGE-L     %8.4f", s.ROUGEL),
		fmt.Sprintf("  CLIPScore   %8.4f", s.CLIPScore),
		fmt.Sprintf("  perplexity  %8.4f", s.Perplexity),
	}
	if a := s.Attributes; a != nil {
		out = append(out, fmt.Sprintf("  right: colour %.2f %%, shape %.2f %%, count %.2f %%, all three %.2f %%", 100*a.Color, 100*a.Shape,
			100*a.Count, 100*a.All))
	}
	for _, name := range slices.Sorted(maps.Keys(s.NotComputed)) {
		out = append(out, fmt.Sprintf("  %s is not computed: %s", name, s.NotComputed[name]))
	}
	return out
}

// Reader reads pictures and embeds texts: a pretrained.Embedder of the captioner.
type Reader interface {
	EachPicture(ctx context.Context, src datasets.Source, use func(*datasets.Batch) error, skipped func(datasets.Skip)) error
	EmbedTexts(ctx context.Context, texts []string) ([]float32, error)
}

// tally collects what is scored.
type tally struct {
	described     []eval.Described
	images, texts []float32
	surprise      float64
	tokens        int
	right         Attributes // counts, until all are seen
}

// Score writes a caption for each picture of a source and measures them all. skipped is called with each sample that can't be used, and
// seen after each batch with the number of samples so far.
func (w *Writer) Score(ctx context.Context, from Reader, src datasets.Source, skipped func(datasets.Skip),
	seen func(int64)) (Scores, error) {
	var t tally
	err := from.EachPicture(ctx, src, func(b *datasets.Batch) error {
		seen(b.Next)
		return w.add(ctx, from, b, &t)
	}, skipped)
	if err != nil {
		return Scores{}, err
	}
	if len(t.described) == 0 {
		return Scores{}, &datasets.DataError{Source: src.Info().Name, Reason: "none of the samples can be used"}
	}
	out := Scores{NotComputed: eval.NotComputed, CLIPScore: eval.CLIPScore(t.images, t.texts, w.Dim()),
		Perplexity: math.Exp(t.surprise / float64(t.tokens))}
	if out.Captions, err = eval.ScoreCaptions(t.described); err != nil {
		return out, err
	}
	if info := src.Info(); info.Kind == "builtin" && strings.HasPrefix(info.Name, "builtin:shapes") {
		n := float64(len(t.described))
		out.Attributes = &Attributes{t.right.Color / n, t.right.Shape / n, t.right.Count / n, t.right.All / n}
	}
	return out, nil
}

// add captions a batch.
func (w *Writer) add(ctx context.Context, from Reader, b *datasets.Batch, t *tally) error {
	lines, err := w.Write(ctx, b)
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
	texts, err := from.EmbedTexts(ctx, captions)
	if err != nil {
		return err
	}
	t.images, t.texts = append(t.images, images...), append(t.texts, texts...)
	surprise, tokens, err := w.all(ctx, b)
	t.surprise, t.tokens = t.surprise+surprise, t.tokens+tokens
	return err
}

func (a *Attributes) add(said, scene shapes.Said) {
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
func (w *Writer) all(ctx context.Context, b *datasets.Batch) (sum float64, tokens int, err error) {
	for round := 0; ; round++ {
		s, n, err := w.NegLogLikelihood(ctx, w.words.Fill, b, func(row int) string {
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

package benchmark

import (
	"context"
	"maps"
	"math"
	"slices"

	"clipgo/captioning"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/clipbenchmark"
	"clipgo/internal/fault"
)

// CaptionSettings say how captions are written.
type CaptionSettings struct {
	Generation captioning.Generation
	Prompt     string // what every caption begins with
}

// captions writes a caption for each picture and scores it. The metrics are those of CLIP_benchmark, in its order.
func captions(ctx context.Context, s *Suite, f *features) (*outcome, error) {
	how := CaptionSettings{Generation: captioning.DefaultGeneration()}
	if s.Captions != nil {
		how = *s.Captions
	}
	w, err := captioning.NewWriter(f.model.Source.Name, f.model.Model, f.model.Tokenizer, how.Generation, how.Prompt)
	if err != nil {
		return nil, err
	}
	src, err := f.data.Source(ctx, TestSplit, f.need)
	if err != nil {
		return nil, err
	}
	if f.opened != nil {
		f.opened(src.Info())
	}
	skipped := 0
	r, err := w.Score(ctx, f.model, src, func(one datasets.Skip) {
		skipped++
		if f.left != nil {
			f.left(one)
		}
	}, func(done int64) { f.seen(TestSplit, done, int64(src.Len())) })
	all, name := src.Len(), src.Info().Name
	if wrong := src.Close(); err == nil {
		err = wrong
	}
	if err != nil {
		return nil, err
	}
	if datasets.TooMany(skipped, all, f.model.Settings.MaxSkip) {
		return nil, fault.Dataf("%s: %d of %d samples can't be used, more than %.4g %%", name, skipped, all, 100*f.model.Settings.MaxSkip)
	}
	o := &outcome{n: r.N, passed: &skipped, share: float64(skipped) / float64(all), scores: &r, more: map[string]any{"captions": r}}
	o.metrics = []clipbenchmark.Metric{
		{Key: "Bleu_1", Value: r.BLEU1}, {Key: "Bleu_2", Value: r.BLEU2}, {Key: "Bleu_3", Value: r.BLEU3}, {Key: "Bleu_4", Value: r.BLEU4},
		{Key: "METEOR", Value: math.NaN()}, {Key: "ROUGE_L", Value: r.ROUGEL}, {Key: "CIDEr", Value: r.CIDEr},
		{Key: "SPICE", Value: math.NaN()},
	}
	for _, name := range slices.Sorted(maps.Keys(eval.NotComputed)) {
		o.notes = append(o.notes, name+" is not computed: "+eval.NotComputed[name])
	}
	return o, nil
}

package captioning

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/eval"
)

// NegLogLikelihood returns -log P of captions of a batch's pictures, summed over their tokens, and the number of tokens. caption
// returns the caption of a row of the batch; rows with an empty one are left out. fill is the tokenizer's.
func (c Captioner) NegLogLikelihood(ctx context.Context, fill func(ids []int32, text string) int, b *datasets.Batch,
	caption func(row int) string) (sum float64, tokens int, err error) {
	var pixels []uint8
	var ids []int32
	n, size, l := 0, len(b.Pixels)/b.N, c.Config.Text.ContextLength
	for i := range b.N {
		text := caption(i)
		if text == "" {
			continue
		}
		pixels, ids = append(pixels, b.Pixels[i*size:(i+1)*size]...), append(ids, make([]int32, l)...)
		fill(ids[n*l:], text)
		n++
	}
	if n == 0 {
		return 0, 0, nil
	}
	return c.Likelihood(ctx, pixels, ids, n)
}

// PerplexityName is the name of the value of a PerplexityEvaluator.
const PerplexityName = "perplexity"

// PerplexityEvaluator measures the perplexity of one caption of each picture, so that an evaluation stays short. It is a
// pretrained.Viewer of the pass over the pictures that Source makes.
type PerplexityEvaluator struct {
	Captioner Captioner
	Fill      func(ids []int32, text string) int // the tokenizer's
	Source    eval.FeatureSource                 // makes the pass

	sum    float64 // -log P
	tokens int
}

// Begin starts a new pass.
func (e *PerplexityEvaluator) Begin() { e.sum, e.tokens = 0, 0 }

// View measures a batch of the pass: -log P and the number of tokens. Which of a picture's captions is measured depends on the sample's
// index.
func (e *PerplexityEvaluator) View(ctx context.Context, b *datasets.Batch) ([]float64, error) {
	sum, tokens, err := e.Captioner.NegLogLikelihood(ctx, e.Fill, b, func(row int) string {
		captions := b.Entries[row].Captions
		if len(captions) == 0 {
			return ""
		}
		return captions[b.Index[row]%len(captions)]
	})
	return []float64{sum, float64(tokens)}, err
}

// Take adds what View has returned for a batch.
func (e *PerplexityEvaluator) Take(seen []float64) {
	e.sum, e.tokens = e.sum+seen[0], e.tokens+int(seen[1])
}

// Name is perplexity.
func (e *PerplexityEvaluator) Name() string { return PerplexityName }

// Evaluate returns the perplexity; nothing without captions.
func (e *PerplexityEvaluator) Evaluate(ctx context.Context) ([]eval.Value, error) {
	if _, err := e.Source.Features(ctx); err != nil || e.tokens == 0 {
		return nil, err
	}
	out := e.Describe().Values
	out[0].Value = math.Exp(e.sum / float64(e.tokens))
	return out, nil
}

// Describe names the value.
func (e *PerplexityEvaluator) Describe() eval.Description {
	return eval.Description{Values: []eval.Value{{Name: PerplexityName, Unit: eval.Perplexity}}}
}

package captioning

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/model/modeltest"
)

// fillNumbers is a tokenizer of captions such as "3 17": start, the numbers, end.
func fillNumbers(ids []int32, text string) int {
	ids[0] = 48
	n := 1
	for _, word := range strings.Fields(text) {
		id, _ := strconv.Atoi(word)
		ids[n] = int32(id)
		n++
	}
	ids[n] = 49
	return n + 1
}

// viewed is a FeatureSource whose pass shows an evaluator the batches given.
type viewed struct {
	to      *PerplexityEvaluator
	batches []*datasets.Batch
	err     error
}

func (v viewed) Features(ctx context.Context) (*eval.Features, error) {
	v.to.Begin()
	for _, b := range v.batches {
		seen, err := v.to.View(ctx, b)
		if err != nil {
			return nil, err
		}
		v.to.Take(seen)
	}
	return &eval.Features{}, v.err
}

// described makes a batch of random pictures with captions, the first of which is sample number from.
func described(c Captioner, from int, captions ...[]string) *datasets.Batch {
	b := modeltest.Pairs(c.Config, len(captions), int64(from))
	for i, texts := range captions {
		b.Index, b.Entries = append(b.Index, from+i), append(b.Entries, datasets.Entry{Captions: texts})
	}
	return b
}

// The oracle computes the likelihood of each picture's caption alone.
func TestPerplexityIsThatOfOneCaptionOfEachPicture(t *testing.T) {
	c := newTiny(t)
	e := &PerplexityEvaluator{Captioner: c, Fill: fillNumbers}
	src := viewed{to: e, batches: []*datasets.Batch{
		described(c, 0, []string{"1 2 3", "4"}, nil, []string{"5 6", "7 8 9", "10"}),
		described(c, 3, []string{"11 12", "13 14 15 16"}),
	}}
	e.Source = src
	var sum float64
	var tokens int
	size := 3 * c.Config.Vision.ImageSize * c.Config.Vision.ImageSize
	for _, one := range []struct {
		batch, row int
		caption    string
	}{{0, 0, "1 2 3"}, {0, 2, "10"}, {1, 0, "13 14 15 16"}} { // caption index mod count
		ids := make([]int32, c.Config.Text.ContextLength)
		fillNumbers(ids, one.caption)
		s, n, err := c.Likelihood(t.Context(), src.batches[one.batch].Pixels[one.row*size:(one.row+1)*size], ids, 1)
		if err != nil {
			t.Fatal(err)
		}
		sum, tokens = sum+s, tokens+n
	}
	want := math.Exp(sum / float64(tokens))
	for range 2 { // the second pass starts from nothing
		got, err := e.Evaluate(t.Context())
		if err != nil || len(got) != 1 || got[0].Name != PerplexityName || got[0].Unit != eval.Perplexity {
			t.Fatalf("%+v, %v", got, err)
		}
		if math.Abs(got[0].Value/want-1) > 1e-5 { // float32 sums in another order
			t.Errorf("perplexity %g, want %g", got[0].Value, want)
		}
	}
	e.Source = viewed{to: e, batches: []*datasets.Batch{described(c, 0, nil, nil)}}
	if got, err := e.Evaluate(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("without captions: %+v, %v", got, err)
	}
	bad := errors.New("no disk")
	e.Source = viewed{to: e, err: bad}
	if _, err := e.Evaluate(t.Context()); !errors.Is(err, bad) {
		t.Error(err)
	}
}

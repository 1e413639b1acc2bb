package alignment

import (
	"context"
	"fmt"

	"clipgo/captioning"
	"clipgo/datasets"
)

// Judge is a model that gives captions rewards.
type Judge struct {
	Name   string // of its values, and in errors
	Origin string // the name of its model; empty: none
	Reward Reward
	Fill   func(ids []int32, text string) (n int, cut bool) // the tokenizer's
	// Pixels prepares a picture for a judge that takes other pixels than the captioner, uint8 [S, S, 3]; nil: it takes the same.
	Pixels func(dst []uint8, p datasets.Picture, key uint64) error
}

// Rate returns the rewards of captions of a batch's pictures. src is the source of the batch.
func (j *Judge) Rate(ctx context.Context, src datasets.Source, b *datasets.Batch, captions []string) ([]float64, error) {
	pixels, err := j.pixels(ctx, src, b)
	if err != nil {
		return nil, err
	}
	l := j.Reward.Model.Config.Text.ContextLength
	in := &datasets.Batch{N: b.N, Pixels: pixels, ContextLength: l, IDs: make([]int32, b.N*l)}
	for i, caption := range captions {
		n, _ := j.Fill(in.IDs[i*l:(i+1)*l], caption)
		in.MaxTokens = max(in.MaxTokens, n)
	}
	rewards, _, err := j.Reward.Measure(ctx, in)
	return wide(rewards), err
}

// pixels returns a batch's pictures as the judge takes them.
func (j *Judge) pixels(ctx context.Context, src datasets.Source, b *datasets.Batch) ([]uint8, error) {
	if j.Pixels == nil {
		return b.Pixels, nil
	}
	side := j.Reward.Model.Preprocess.Size
	size := 3 * side * side
	out := make([]uint8, b.N*size)
	for i, index := range b.Index {
		p, err := src.Picture(ctx, index)
		if err == nil {
			err = j.Pixels(out[i*size:(i+1)*size], p, 0)
		}
		if err != nil {
			return nil, &datasets.DataError{Source: src.Info().Name,
				Reason: fmt.Sprintf("%s can't be read again for the %s: %v", b.Entries[i].Key, j.Name, err)}
		}
	}
	return out, nil
}

// Judges are the judges of a tuning.
type Judges struct {
	Rewards []*Judge // whose rewards the captioner is trained with
	Wins    *Judge   // decides which of two captions is better; nil: the sum of Rewards
	Decode  func(ids []int32) string
}

// Texts decodes captions.
func (j *Judges) Texts(captions []captioning.Caption) []string {
	out := make([]string, len(captions))
	for i, c := range captions {
		out[i] = j.Decode(c.IDs)
	}
	return out
}

// Rate returns each caption's reward by each of Rewards, [judges][captions].
func (j *Judges) Rate(ctx context.Context, src datasets.Source, b *datasets.Batch, captions []string) ([][]float64, error) {
	out := make([][]float64, len(j.Rewards))
	for i, one := range j.Rewards {
		var err error
		if out[i], err = one.Rate(ctx, src, b, captions); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SumStandard adds up the rewards of several judges, [judges][captions], each in the units of its standard.
func SumStandard(rewards [][]float64, standards []Standard) []float64 {
	out := make([]float64, len(rewards[0]))
	for i, one := range rewards {
		for k, r := range one {
			out[k] += standards[i].Of(r)
		}
	}
	return out
}

package contrastive

import (
	"context"

	"clipgo/eval"
	"clipgo/losses"
	"clipgo/model"
)

// MaskedWordsEvaluator measures the fraction of the masked words of a source's captions that are restored.
type MaskedWordsEvaluator struct {
	Words  *MaskedWords
	Model  *model.Model
	Fill   func(ids []int32, text string) (n int, cut bool) // the tokenizer's
	Source eval.FeatureSource                               // of the captions
}

// Name is masked words.
func (e *MaskedWordsEvaluator) Name() string { return "masked words" }

// Evaluate returns the fraction; nothing where no word is masked. A caption's place in the list is its key, so that each evaluation
// masks the same words.
func (e *MaskedWordsEvaluator) Evaluate(ctx context.Context) ([]eval.Value, error) {
	f, err := e.Source.Features(ctx)
	if err != nil || len(f.Captions) == 0 {
		return nil, err
	}
	in := losses.Captions{L: e.Model.Config.Text.ContextLength}
	in.IDs = make([]int32, len(f.Captions)*in.L)
	for i, caption := range f.Captions {
		n, _ := e.Fill(in.IDs[i*in.L:(i+1)*in.L], caption)
		in.Lengths, in.Keys = append(in.Lengths, n), append(in.Keys, uint64(i))
	}
	masked := losses.Mask(in, e.Words.Vocabulary)
	got, err := e.Words.Restore(ctx, e.Model, MaskedBatch{Masked: masked, Lengths: in.Lengths})
	if err != nil || len(got) == 0 {
		return nil, err
	}
	right := 0
	for i, id := range got {
		if int64(id) == masked.Targets[i] {
			right++
		}
	}
	out := e.Describe().Values
	out[0].Value = float64(right) / float64(len(got))
	return out, nil
}

// Describe names the value.
func (e *MaskedWordsEvaluator) Describe() eval.Description {
	return eval.Description{Values: []eval.Value{{Name: "masked_words_accuracy", Group: "Masked words"}}}
}

package contrastive

import (
	"context"
	"slices"
	"strings"
	"testing"

	"clipgo/eval"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
)

// captionsOnly is a FeatureSource of captions alone.
type captionsOnly []string

func (c captionsOnly) Features(context.Context) (*eval.Features, error) {
	return &eval.Features{Captions: c}, nil
}

// fillLetters is a tokenizer of captions such as "aab", whose letters have the ids 1, 2, ...
func fillLetters(ids []int32, text string) (n int, cut bool) {
	ids[0] = 48
	for i, letter := range []byte(text) {
		ids[1+i] = int32(letter-'a') + 1
	}
	ids[len(text)+1] = 49
	return len(text) + 2, false
}

// The head is made to predict the letter b everywhere, so that the fraction is that of the chosen positions that hold b.
func TestMaskedWordsAreEvaluated(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	words := withWords(t, m, 1).Words
	bias := make([]float32, m.Config.Text.VocabSize)
	bias[2] = 1e6
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		words.bias.Tensor().CopyInPlace(torch.From(s, bias, len(bias)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	captions := captionsOnly(slices.Repeat([]string{"abcabcabca", "bbbb", "ac"}, 40))
	in := losses.Captions{L: 12, IDs: make([]int32, 12*len(captions))}
	for i, caption := range captions {
		n, _ := fillLetters(in.IDs[i*12:], caption)
		in.Lengths, in.Keys = append(in.Lengths, n), append(in.Keys, uint64(i))
	}
	targets := losses.Mask(in, words.Vocabulary).Targets
	right := 0
	for _, id := range targets {
		if id == 2 {
			right++
		}
	}
	if right == 0 || right == len(targets) {
		t.Fatalf("%d of %d targets are b", right, len(targets))
	}
	e := &MaskedWordsEvaluator{Words: words, Model: m, Fill: fillLetters, Source: captions}
	want := []eval.Value{{Name: "masked_words_accuracy", Group: "Masked words", Value: float64(right) / float64(len(targets))}}
	for range 2 { // each evaluation masks the same words
		if got, err := e.Evaluate(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	for _, nothing := range []captionsOnly{nil, {""}} { // no captions, no position that can be masked
		e.Source = nothing
		if got, err := e.Evaluate(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%q: %+v, %v", strings.Join(nothing, ","), got, err)
		}
	}
}

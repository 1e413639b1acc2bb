package workload

import (
	"slices"
	"testing"

	"clipgo/text/bpe"
)

func TestCaptionsHaveOneLengthAndAreTheSameEachTime(t *testing.T) {
	const tokens, context, n = 12, 77, 100
	a, b := open(t, tokens, context), open(t, tokens, context)
	for range 20 { // round the words more than once
		ids := a.Batch(n)
		if !slices.Equal(ids, b.Batch(n)) {
			t.Fatal("the same call gave other captions")
		}
		for row := range slices.Chunk(ids, context) {
			if row[0] != bpe.Start || slices.Index(row, bpe.End) != tokens-1 || slices.Max(row[tokens:]) != 0 ||
				slices.Contains(row[:tokens], 0) {
				t.Fatalf("not %d tokens and zeros behind them: %v", tokens, row)
			}
		}
	}
}

// What a step costs depends on how many words its batch names: fewer than it has tokens, since captions repeat words, and many
// more than a handful.
func TestCaptionsRepeatWordsAsCaptionsDo(t *testing.T) {
	ids := open(t, 12, 12).Batch(32)
	slices.Sort(ids)
	distinct := len(slices.Compact(ids))
	if most := 32 * 10; distinct < most/4 || distinct > most*3/4 {
		t.Errorf("32 captions of 10 words name %d words", distinct)
	}
}

func TestCaptionsThatDoNotFitAreRefused(t *testing.T) {
	for _, tokens := range []int{1, 78} {
		if _, err := NewCaptions(t.Context(), tokens, 77); err == nil {
			t.Errorf("%d tokens in a context of 77: no error", tokens)
		}
	}
}

func open(t *testing.T, tokens, context int) *Captions {
	t.Helper()
	c, err := NewCaptions(t.Context(), tokens, context)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

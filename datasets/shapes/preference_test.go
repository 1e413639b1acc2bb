package shapes

import (
	"math"
	"strings"
	"testing"

	"clipgo/text/bpe"
)

func TestTheBetterCaptionAloneNamesTheCount(t *testing.T) {
	s := New(Config{N: 2000})
	for i := range s.Len() {
		better, worse := s.Preference(i)
		c := s.Combination(i)
		if !strings.HasSuffix(better, c.Caption()) || !strings.HasSuffix(worse, c.noun()) {
			t.Fatalf("scene %d shows %s: %q, %q", i, c.Caption(), better, worse)
		}
		for _, word := range strings.Fields(worse) {
			for _, count := range counts {
				if word == count {
					t.Fatalf("scene %d: %q names a count", i, worse)
				}
			}
		}
	}
}

// A rule that knows nothing but the two lengths gets half of the pairs: "the longer one" and "the shorter one" exactly, and
// the best table of lengths that 2,000 pairs teach within what chance gives on others.
func TestLengthSaysNothingOfWhichCaptionIsBetter(t *testing.T) {
	tokens := bpe.New()
	ids := make([]int32, 77)
	for name, length := range map[string]func(string) int{
		"letters": func(c string) int { return len(c) },
		"words":   func(c string) int { return len(strings.Fields(c)) },
		"tokens":  func(c string) int { return tokens.Fill(ids, c) },
	} {
		table := map[[2]int]int{} // of two lengths: how much oftener the first was the better one's
		longer := 0
		train := New(Config{N: 2000})
		for i := range train.Len() {
			better, worse := train.Preference(i)
			b, w := length(better), length(worse)
			longer += sign(b - w)
			table[[2]int{b, w}]++
			table[[2]int{w, b}]--
		}
		if longer != 0 {
			t.Errorf("%s: the longer one is better %d times oftener than not", name, longer)
		}
		val, right := New(Config{N: 4000, Split: Val}), 0.0
		for i := range val.Len() {
			better, worse := val.Preference(i)
			right += float64(1+sign(table[[2]int{length(better), length(worse)}])) / 2
		}
		const deviations = 4
		if share := right / 4000; math.Abs(share-0.5) > deviations*0.5/math.Sqrt(4000) {
			t.Errorf("%s: a rule of lengths gets %.3f", name, share)
		}
	}
}

func sign(n int) int {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

func TestThePlaceSaysNothingOfWhichCaptionIsBetter(t *testing.T) {
	s, first := New(Config{N: 4000}), 0
	for i := range s.Len() {
		if s.BetterFirst(i) {
			first++
		}
	}
	const deviations = 4
	if math.Abs(float64(first)-2000) > deviations*0.5*math.Sqrt(4000) {
		t.Errorf("the better one comes first %d times of 4000", first)
	}
}

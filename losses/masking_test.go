package losses

import (
	"math"
	"slices"
	"testing"
)

// bookends is a vocabulary of 1,000 words between a start, 1000, and an end, 1001; padding is 0.
var bookends = Vocabulary{Size: 1000, Words: func(caption []int32) (from, to int) { return 1, slices.Index(caption, 1001) }}

func captions(n, l int) (ids []int32, keys []uint64) {
	ids = make([]int32, n*l)
	for c := range n {
		row := ids[c*l : (c+1)*l]
		words := 1 + c%(l-2)
		row[0], row[words+1] = 1000, 1001
		for i := range words {
			row[1+i] = int32((c*31 + i*17) % 1000)
		}
		keys = append(keys, uint64(c)*0x9e3779b97f4a7c15)
	}
	return ids, keys
}

// Over a million words: 15 % are chosen, and of those 80, 10 and 10 % are hidden, replaced and kept. The limit is half a point, as
// the deviation of the smallest share, of 150,000 chosen words, is 0.08 points.
func TestMaskingHasBERTsShares(t *testing.T) {
	ids, keys := captions(80000, 27)
	m := Mask(ids, 27, keys, bookends)
	words := 0
	for _, id := range ids {
		if id != 1000 && id != 1001 {
			words++
		}
	}
	for i := 0; i < len(ids); i += 27 { // the padding, which is 0 as a word may be
		words -= 27 - slices.Index(ids[i:i+27], 1001) - 1
	}
	if words < 1e6 {
		t.Fatalf("%d words", words)
	}
	random := 0
	for _, i := range m.Chosen {
		if m.IDs[i] != ids[i] {
			random++
		}
	}
	chosen := float64(len(m.Chosen))
	hidden, kept := float64(len(m.Hidden))/chosen, 1-(float64(len(m.Hidden))+float64(random))/chosen
	t.Logf("%d words: %.3f %% chosen, of them %.3f %% hidden, %.3f %% random, %.3f %% kept", words, 100*chosen/float64(words),
		100*hidden, 100*float64(random)/chosen, 100*kept)
	for _, c := range []struct{ got, want float64 }{
		{chosen / float64(words), 0.15}, {hidden, 0.8}, {float64(random) / chosen, 0.1}, {kept, 0.1},
	} {
		if math.Abs(c.got-c.want) > 0.005 {
			t.Errorf("a share is %.4f, want %.2f", c.got, c.want)
		}
	}
}

func TestOnlyWordsAreMasked(t *testing.T) {
	ids, keys := captions(2000, 12)
	m := Mask(ids, 12, keys, bookends)
	for k, i := range m.Chosen {
		row := ids[i/12*12 : i/12*12+12]
		if at := i % 12; at < 1 || at >= slices.Index(row, 1001) {
			t.Fatalf("place %d of %v is chosen", at, row)
		}
		if m.Targets[k] != int64(ids[i]) {
			t.Fatalf("target %d for %d", m.Targets[k], ids[i])
		}
	}
	for i := range ids {
		if _, chosen := slices.BinarySearch(m.Chosen, i); !chosen && m.IDs[i] != ids[i] {
			t.Fatalf("place %d was not chosen and changed", i)
		}
	}
	for _, i := range m.Hidden {
		if _, chosen := slices.BinarySearch(m.Chosen, i); !chosen {
			t.Fatalf("place %d is hidden and not chosen", i)
		}
	}
}

// A caption's mask depends on its key and itself, not on the batch around it nor on the padding.
func TestAMaskDependsOnItsKeyAlone(t *testing.T) {
	ids, keys := captions(50, 12)
	all := Mask(ids, 12, keys, bookends)
	for c := range keys {
		alone := Mask(ids[c*12:c*12+12], 12, keys[c:c+1], bookends)
		if !slices.Equal(alone.IDs, all.IDs[c*12:c*12+12]) {
			t.Fatalf("caption %d is masked otherwise alone", c)
		}
	}
	if again := Mask(ids, 12, keys, bookends); !slices.Equal(again.Hidden, all.Hidden) || !slices.Equal(again.IDs, all.IDs) {
		t.Error("the same keys gave another mask")
	}
	for i := range keys {
		keys[i]++
	}
	if other := Mask(ids, 12, keys, bookends); slices.Equal(other.Chosen, all.Chosen) {
		t.Error("other keys gave the same mask")
	}
}

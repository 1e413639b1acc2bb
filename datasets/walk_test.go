package datasets

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wordy is a source whose captions differ in length as those of web pages do: log-normal, half of them below 12 tokens, the
// longest cut at 77.
type wordy struct{ *fake }

func (w wordy) Entry(_ context.Context, i int) (Entry, error) {
	e := w.fake.entry(i)
	for k := range e.Captions {
		r := rand.New(rand.NewPCG(uint64(i), uint64(k)))
		e.Captions[k] = strings.Repeat(e.Captions[k][:1], int(math.Exp(math.Log(12)+0.7*r.NormFloat64())))
	}
	return e, nil
}

// loader sorts captions over a pool.
func (w wordy) loader(pool int) *Loader {
	l := w.fake.loader()
	l.Source, l.ContextLength, l.Pool = w, 77, pool
	return l
}

func TestAPoolHasEachSampleOnceInEveryEpoch(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := 1 + r.IntN(90)
		l := wordy{&fake{n: n}}.loader(1 + r.IntN(120))
		l.Seed, l.BatchSize, l.Workers = seed, 1+r.IntN(min(n, 12)), 1+r.IntN(4)
		var order []int
		for _, b := range good(t, l, 0, int64(4*n)) {
			order = append(order, b.Index...)
		}
		for epoch := range slices.Chunk(order, n) {
			epoch = slices.Sorted(slices.Values(epoch))
			for i, index := range epoch {
				if i != index {
					t.Fatalf("%d samples, batches of %d, pools of %d: an epoch has %v", n, l.BatchSize, l.Pool, epoch)
				}
			}
		}
	}
}

// A pool has the same samples as these slots without pools, cut into batches by length: of any two of its batches, one has no caption
// longer than any of the other.
func TestAPoolIsDealtOutByLength(t *testing.T) {
	const batch, pool = 8, 40
	plain, pooled := wordy{&fake{n: 400}}.loader(0), wordy{&fake{n: 400}}.loader(pool)
	before, after := good(t, plain, 0, 400), good(t, pooled, 0, 400)
	for at := 0; at < len(after); at += pool / batch {
		var was, is []int
		own := slices.Clone(after[at : at+pool/batch])
		for i := range own {
			was, is = append(was, before[at+i].Index...), append(is, own[i].Index...)
		}
		if slices.Sort(was); !slices.Equal(was, slices.Sorted(slices.Values(is))) {
			t.Errorf("batches from %d on: samples %v, without pools %v", at, is, was)
		}
		slices.SortFunc(own, func(a, b Batch) int { return slices.Min(a.Lengths) - slices.Min(b.Lengths) })
		for i := 1; i < len(own); i++ {
			if own[i-1].MaxTokens > slices.Min(own[i].Lengths) {
				t.Errorf("batches from %d on: lengths %v overlap with %v", at, own[i-1].Lengths, own[i].Lengths)
			}
		}
	}
}

// The batches of a pool are in random order, which differs from pool to pool. Over many pools the shortest batch is at each of 8
// positions about equally often: chi-squared with 7 degrees of freedom is above 30 in one case of 10,000.
func TestThePlaceOfTheShortestBatchIsChance(t *testing.T) {
	const batches, epochs = 8, 200
	l := wordy{&fake{n: 8 * batches}}.loader(8 * batches)
	counts := make([]float64, batches)
	for pool := range slices.Chunk(good(t, l, 0, 8*batches*epochs), batches) {
		shortest := 0
		for i, b := range pool {
			if b.MaxTokens < pool[shortest].MaxTokens {
				shortest = i
			}
		}
		counts[shortest]++
	}
	chi, want := 0.0, float64(epochs)/batches
	for _, c := range counts {
		chi += (c - want) * (c - want) / want
	}
	if chi > 30 {
		t.Errorf("the shortest batch is at positions %v: chi-squared %.1f", counts, chi)
	}
}

func TestPooledBatchesDoNotDependOnWorkersOrQueue(t *testing.T) {
	w := wordy{&fake{n: 67, reasons: badSamples(67, 0.2, 3)}}
	want := good(t, w.loader(32), 0, 150)
	for _, c := range []struct{ workers, queue int }{{1, 1}, {2, 1}, {4, 2}, {16, 3}, {0, 0}} {
		l := w.loader(32)
		l.Workers, l.Queue = c.workers, c.queue
		pixels, calls := l.Pixels, atomic.Uint64{}
		l.Pixels = func(dst []uint8, p Picture, key uint64) error {
			time.Sleep(time.Duration(scramble(calls.Add(1))%300) * time.Microsecond)
			return pixels(dst, p, key)
		}
		if got := good(t, l, 0, 150); !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers, queue of %d: other batches", c.workers, c.queue)
		}
	}
}

func TestStartingInsideAPoolContinuesExactly(t *testing.T) {
	w := wordy{&fake{n: 41, reasons: badSamples(41, 0.3, 5)}}
	whole := good(t, w.loader(24), 0, 41*4)
	for k, b := range whole {
		rest := good(t, w.loader(24), b.Next, 41*4)
		if !slices.EqualFunc(rest, whole[k+1:], func(a, b Batch) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("from batch %d on, slot %d, the rest is another", k+1, b.Next)
		}
	}
}

// The tokens that a text tower computes, each batch padded to its longest caption: three in four are padding without pools. The
// replacement of an unusable picture has a caption of any length, those of unusable entries are known to the pool.
func TestPoolsSavePadding(t *testing.T) {
	padded := func(pool int, bad, entries map[int]string) (tokens, needed int) {
		l := wordy{&fake{n: 8192, reasons: bad, entries: entries}}.loader(pool)
		l.BatchSize = 64
		for _, b := range good(t, l, 0, 8192) {
			tokens += b.MaxTokens * b.N
			for _, n := range b.Lengths {
				needed += n
			}
		}
		return tokens, needed
	}
	plain, needed := padded(0, nil, nil)
	for _, c := range []struct {
		pool         int
		bad, entries map[int]string
		most         float64 // times the real tokens
	}{
		{2048, nil, nil, 1.1}, {512, nil, nil, 1.5},
		{2048, badSamples(8192, 0.005, 1), nil, 1.25}, {2048, nil, badSamples(8192, 0.005, 1), 1.1},
	} {
		tokens, needed := padded(c.pool, c.bad, c.entries)
		t.Logf("pool of %d, %d+%d unusable: %d tokens computed for %d real ones, %d without pools",
			c.pool, len(c.bad), len(c.entries), tokens, needed, plain)
		if float64(tokens) > c.most*float64(needed) {
			t.Errorf("pool of %d, %d+%d unusable: %d tokens computed for %d", c.pool, len(c.bad), len(c.entries), tokens, needed)
		}
	}
	if plain < 3*needed {
		t.Errorf("without pools %d tokens for %d: the captions are too even to tell anything", plain, needed)
	}
}

// A caption is tokenized once, for its length and for its batch.
func TestAPoolTokenizesEachCaptionOnce(t *testing.T) {
	l := wordy{&fake{n: 100}}.loader(40)
	var calls atomic.Int64
	tokens := l.Tokens
	l.Tokens = func(dst []int32, caption string) (int, bool) { calls.Add(1); return tokens(dst, caption) }
	for _, b := range good(t, l, 0, 200) {
		for i, caption := range b.Captions {
			ids := make([]int32, l.ContextLength)
			if used, _ := tokens(ids, caption); used != b.Lengths[i] || !slices.Equal(ids, b.IDs[i*len(ids):(i+1)*len(ids)]) {
				t.Fatalf("%q: %d ids %v", caption, b.Lengths[i], b.IDs[i*len(ids):(i+1)*len(ids)])
			}
		}
	}
	if calls.Load() != 200 {
		t.Errorf("%d calls for 200 captions", calls.Load())
	}
}

// A pair counts as its longer caption.
func TestPairsArePooledByTheLongerCaption(t *testing.T) {
	l := (&fake{n: 1}).loader()
	l.Pairs, l.Pool = twoCaptions{}, 8
	w := l.newWalk()
	l.Source = longer{&fake{n: 1}}
	if got := w.look(t.Context(), 0).tokens; got != 3 {
		t.Errorf("%d tokens", got)
	}
}

type twoCaptions struct{ Preferences }

func (twoCaptions) Form() Form { return TwoCaptions }

type longer struct{ *fake }

func (longer) Entry(context.Context, int) (Entry, error) {
	return Entry{Captions: []string{"x", "yyy"}}, nil
}

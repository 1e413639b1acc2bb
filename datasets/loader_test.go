package datasets

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ledger checks the account of a stream: each batch is a range of slots, each skip says its sample and why, and each sample is
// used or skipped in its own slot. It returns how often each was, and how often each replaced another.
func ledger(t *testing.T, f *fake, l *Loader, batches []Batch, from, to int64) (own, skipped, replaced []int) {
	t.Helper()
	own, skipped, replaced = make([]int, f.n), make([]int, f.n), make([]int, f.n)
	at := from
	for k, b := range batches {
		if b.N != len(b.Index) || b.N != len(b.Captions) || len(b.Pixels) != 12*b.N || len(b.IDs) != l.ContextLength*b.N {
			t.Fatalf("batch of %d has %d numbers, %d captions, %d bytes, %d ids",
				b.N, len(b.Index), len(b.Captions), len(b.Pixels), len(b.IDs))
		}
		if want := min(at+int64(l.BatchSize), to); b.Next != want || int64(b.N+len(b.Skipped)-b.Replaced) != want-at {
			t.Fatalf("batch %d of slots %d to %d: %d samples, %d skipped, %d replaced, next %d",
				k, at, want, b.N, len(b.Skipped), b.Replaced, b.Next)
		}
		at = b.Next
		for i, index := range b.Index {
			own[index]++
			if number(&b, i) != index {
				t.Errorf("picture %d in place of %d", number(&b, i), index)
			}
		}
		replacements := 0
		for _, s := range b.Skipped {
			index := numberOf(t, s.Key)
			skipped[index]++
			if want := (Skip{"fake", f.entry(index).Key, int64(100 * index), f.why(index), s.ReplacedBy}); s != want {
				t.Errorf("%+v, want %+v", s, want)
			}
			if s.ReplacedBy != "" {
				replacements++
				own[numberOf(t, s.ReplacedBy)]--
				replaced[numberOf(t, s.ReplacedBy)]++
			}
		}
		if replacements != b.Replaced || b.Replaced > 0 && l.Order == Sequential {
			t.Errorf("%d skips name a replacement, the batch counts %d", replacements, b.Replaced)
		}
	}
	if at != to {
		t.Errorf("the stream ends at slot %d of %d", at, to)
	}
	return own, skipped, replaced
}

// longestRun is how many slots in a row hold unusable samples, at most.
func (f *fake) longestRun(l *Loader, slots int) (most int) {
	w, run := l.newWalk(), 0
	for slot := range slots {
		at, _ := w.at(context.Background(), int64(slot))
		if run++; f.why(at.index) == "" {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

// numberOf is the sample with a key.
func numberOf(t *testing.T, key string) int {
	t.Helper()
	index, err := strconv.Atoi(strings.TrimPrefix(key, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestUsedAndSkippedArePresentInEveryEpoch(t *testing.T) {
	for _, order := range []Order{Shuffled, Sequential} {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 2))
			n := 1 + r.IntN(90)
			f := &fake{n: n, reasons: badSamples(n, r.Float64()*0.9, seed), entries: badSamples(n, r.Float64()*0.5, seed+100)}
			good := r.IntN(n)
			delete(f.reasons, good)
			delete(f.entries, good)
			l := f.loader()
			l.Order, l.BatchSize, l.Seed, l.Workers = order, 1+r.IntN(12), seed, 1+r.IntN(5)
			if order == Shuffled && seed%2 == 1 {
				l.Pool = 1 + r.IntN(50)
			}
			const epochs = 3
			batches, err := all(t, l, 0, int64(epochs*n))
			if refused := f.longestRun(l, epochs*n) >= n; refused != (err != nil) { // such a run spans two epochs
				t.Errorf("seed %d: %v, refused: %t", seed, err, refused)
			}
			if err != nil {
				continue
			}
			own, skipped, replaced := ledger(t, f, l, batches, 0, int64(epochs*n))
			for i := range n {
				bad := f.why(i) != ""
				if bad && (own[i] != 0 || replaced[i] != 0 || skipped[i] != epochs) || !bad && (own[i] != epochs || skipped[i] != 0) {
					t.Errorf("seed %d: sample %d of %d (bad: %t): used %d and skipped %d times in its slot, %d times a replacement",
						seed, i, n, bad, own[i], skipped[i], replaced[i])
				}
			}
		}
	}
}

// Workers are delayed at random, so that they finish in another order than they began.
func TestBatchesDoNotDependOnWorkersOrQueue(t *testing.T) {
	f := &fake{n: 67, reasons: badSamples(67, 0.2, 3)}
	want := good(t, f.loader(), 0, 150)
	for _, c := range []struct{ workers, queue int }{{1, 1}, {1, 5}, {2, 1}, {4, 2}, {16, 3}, {100, 1}, {0, 0}} {
		l := f.loader()
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

// The loader works ahead into other buffers than those of the batch that the caller holds.
func TestABatchStaysAsItIsUntilTheNext(t *testing.T) {
	f := &fake{n: 64}
	var read int64
	for b, err := range f.loader().Batches(t.Context(), 0, 64*4) {
		if err != nil {
			t.Fatal(err)
		}
		read += int64(b.N)
		for f.reads.Load() < min(read+2*8, 64*4) {
			runtime.Gosched()
		}
		for i, index := range b.Index {
			if got := number(b, i); got != index || b.IDs[4*i+1] != int32(b.Captions[i][1]) {
				t.Fatalf("picture %d in place of %d", got, index)
			}
		}
	}
}

func TestStartingAtNextContinuesExactly(t *testing.T) {
	f := &fake{n: 41, reasons: badSamples(41, 0.3, 5)}
	whole := good(t, f.loader(), 0, 41*4)
	for k, b := range whole {
		rest := good(t, f.loader(), b.Next, 41*4)
		if !slices.EqualFunc(rest, whole[k+1:], func(a, b Batch) bool { return reflect.DeepEqual(a, b) }) {
			t.Errorf("from batch %d on, slot %d, the rest is another", k+1, b.Next)
		}
	}
}

func TestAnEvaluationsBatchesLeaveUnusableSamplesOut(t *testing.T) {
	f := &fake{n: 11, reasons: map[int]string{0: "x", 5: "x", 6: "x", 7: "x", 8: "x"}}
	l := f.loader()
	l.Order, l.BatchSize = Sequential, 3
	var got []string
	for _, b := range good(t, l, 0, 11) {
		got = append(got, fmt.Sprintf("%v skips %d next %d", b.Index, len(b.Skipped), b.Next))
	}
	want := []string{"[1 2] skips 1 next 3", "[3 4] skips 1 next 6", "[] skips 3 next 9", "[9 10] skips 0 next 11"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEpochsShuffleAnewAndSeedsDiffer(t *testing.T) {
	f := &fake{n: 200}
	order := func(seed uint64, epoch int64) (out []int) {
		l := f.loader()
		l.Seed, l.BatchSize = seed, 200
		return good(t, l, epoch*200, (epoch+1)*200)[0].Index
	}
	first := order(7, 0)
	for name, other := range map[string][]int{"next epoch": order(7, 1), "next seed": order(8, 0), "another epoch": order(7, 1000)} {
		same := 0
		for i := range first {
			if first[i] == other[i] {
				same++
			}
		}
		if same > 10 { // of two random orders of 200, one place agrees on average; ten: 1e-8
			t.Errorf("%s: %d of 200 places are as before", name, same)
		}
	}
	if !slices.Equal(first, order(7, 0)) {
		t.Error("the same epoch twice has two orders")
	}
}

func TestSampleKeysAreItsOwnInEachEpoch(t *testing.T) {
	f := &fake{n: 100}
	seen := map[string]int{}
	captions := map[string]int{}
	for _, b := range good(t, f.loader(), 0, 300) {
		for i := range b.N {
			seen[string(b.Pixels[12*i+4:12*i+12])]++
			seen[fmt.Sprint(b.DropKeys[i])]++
			captions[b.Captions[i][:1]]++
		}
	}
	if len(seen) != 600 {
		t.Errorf("%d keys for 300 pictures and 300 drops", len(seen))
	}
	for _, c := range []string{"a", "b", "c"} {
		if n := captions[c]; n < 60 || n > 140 { // 100 +- 8.2 each: five deviations
			t.Errorf("caption %s was chosen %d of 300 times", c, n)
		}
	}
}

// Scenes of builtin:shapes have the captions of their combination, of which each epoch shows one.
func TestSamplesWithTheSameCaptionsAreAlike(t *testing.T) {
	scenes, err := Open(t.Context(), "builtin:shapes?n=300", Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := (&fake{n: 300}).loader()
	l.Source, l.Pixels = scenes, func([]uint8, Picture, uint64) error { return nil }
	number, shown := map[int]uint64{}, map[string]bool{}
	for _, b := range good(t, l, 0, 600) {
		for i, index := range b.Index {
			label := entryOf(t, scenes, index).Label
			if was, known := number[label]; known && was != b.Alike[i] {
				t.Fatalf("scenes of combination %d are not alike", label)
			}
			number[label] = b.Alike[i]
			shown[b.Captions[i]] = true
		}
	}
	different := map[uint64]bool{}
	for _, n := range number {
		different[n] = true
	}
	if len(different) != len(number) || len(shown) < 2*len(number) {
		t.Errorf("%d numbers for %d combinations, in %d captions", len(different), len(number), len(shown))
	}
}

func TestEvaluationTakesTheOrderAndFirstCaptions(t *testing.T) {
	f := &fake{n: 20}
	l := f.loader()
	l.Order = Sequential
	var next int
	for _, b := range good(t, l, 0, 40) {
		if b.DropKeys != nil || b.ContextLength != 4 || b.MaxTokens > 4 || b.Shortened != 0 {
			t.Errorf("%+v", b)
		}
		for i, index := range b.Index {
			if index != next%20 || b.Captions[i] != fmt.Sprint("a", index) || b.IDs[4*i] != 'a' {
				t.Errorf("sample %d with %q instead of %d", index, b.Captions[i], next%20)
			}
			next++
		}
	}
}

func TestBadEntriesAreSkippedUnread(t *testing.T) {
	f := &fake{n: 10, entries: map[int]string{2: "no caption"}}
	l := f.loader()
	l.Order = Sequential
	b := good(t, l, 0, 10)
	if s := slices.Concat(b[0].Skipped, b[1].Skipped); len(s) != 1 || s[0].Reason != "no caption" || f.reads.Load() != 9 {
		t.Errorf("%v after %d reads", s, f.reads.Load())
	}
}

func TestPanicsAreSkips(t *testing.T) {
	f := &fake{n: 10}
	l := f.loader()
	pixels := l.Pixels
	l.Pixels = func(dst []uint8, p Picture, key uint64) error {
		if p.RGB[0] == 6 {
			var none []int
			none[3]++
		}
		return pixels(dst, p, key)
	}
	var skips []Skip
	for _, b := range good(t, l, 0, 10) {
		skips = append(skips, b.Skipped...)
	}
	if len(skips) != 1 || skips[0].Key != "key6" || skips[0].Reason != "panic: runtime error: index out of range [3] with length 0" {
		t.Errorf("%v", skips)
	}
}

func TestCaptionsAreBoundedAndRepaired(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		in, want string
		cut      bool
	}{
		{"plain", "plain", false},
		{"", "", false},
		{"caf\xe9", "caf\uFFFD", false},
		{long, long[:64<<10], true},
		{long[:64<<10], long[:64<<10], false},
		{long[:64<<10-1] + "\u00e9", long[:64<<10-1], true},
		{long[:64<<10-2] + "\U0001f642", long[:64<<10-2], true},
	} {
		if got, cut := boundCaption(c.in); got != c.want || cut != c.cut {
			t.Errorf("%.20q of %d bytes became %d bytes, cut %t", c.in, len(c.in), len(got), cut)
		}
	}
}

func TestShortenedCountsCutCaptions(t *testing.T) {
	f := &fake{n: 1200}
	l := f.loader()
	l.Order, l.BatchSize = Sequential, 1200
	if b := good(t, l, 0, 1200)[0]; b.Shortened != 200 || b.MaxTokens != 4 { // a1000 to a1199 have five letters
		t.Errorf("%d cut, %d ids", b.Shortened, b.MaxTokens)
	}
}

func TestPicturesAloneNeedNoTokens(t *testing.T) {
	l := (&fake{n: 5}).loader()
	l.Tokens, l.ContextLength = nil, 0
	if b := good(t, l, 0, 5)[0]; b.N != 5 || len(b.IDs) != 0 || b.MaxTokens != 0 {
		t.Errorf("%+v", b)
	}
}

func TestMeaninglessLoadersSayWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(l *Loader){
		"source or pixel function is missing": func(l *Loader) { l.Pixels = nil },
		"a number is too small":               func(l *Loader) { l.BatchSize = 0 },
		"there are no samples":                func(l *Loader) { l.Source = &fake{} },
	} {
		l := (&fake{n: 5}).loader()
		change(l)
		if _, err := all(t, l, 0, 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := all(t, (&fake{n: 5}).loader(), 3, 2); err == nil || !strings.Contains(err.Error(), "no slots from 3 to 2") {
		t.Error(err)
	}
	if b, err := all(t, (&fake{n: 5}).loader(), 3, 3); len(b) != 0 || err != nil {
		t.Errorf("%v, %v", b, err)
	}
}

// BenchmarkLoader is what the loader costs a sample of 224 x 224 beyond reading and decoding it.
func BenchmarkLoader(b *testing.B) {
	l := (&fake{n: 10_000}).loader()
	l.Size, l.BatchSize, l.Workers = 224, 64, 2
	l.Pixels = func(dst []uint8, p Picture, _ uint64) error { copy(dst, p.RGB); return nil }
	b.ResetTimer()
	b.ReportAllocs()
	for _, err := range l.Batches(b.Context(), 0, int64(b.N)) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

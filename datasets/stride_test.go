package datasets

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// together joins the batches that the processes of one stream make.
func together(t *testing.T, l Loader, world int, from, to int64) (out []Batch) {
	t.Helper()
	for rank := range world {
		l.Rank, l.World = rank, world
		own := good(t, &l, from, to)
		if rank == 0 {
			out = own
			continue
		}
		if len(own) != len(out) {
			t.Fatalf("process %d of %d makes %d batches, the first one %d", rank, world, len(own), len(out))
		}
		for k, b := range own {
			out[k].join(t, b)
		}
	}
	return out
}

// join adds the part of the next process.
func (b *Batch) join(t *testing.T, more Batch) {
	t.Helper()
	if more.Next != b.Next {
		t.Errorf("a batch goes on to slot %d, or to %d", b.Next, more.Next)
	}
	b.N, b.Replaced, b.Shortened = b.N+more.N, b.Replaced+more.Replaced, b.Shortened+more.Shortened
	b.MaxTokens = max(b.MaxTokens, more.MaxTokens)
	b.Pixels, b.IDs, b.DropKeys = append(b.Pixels, more.Pixels...), append(b.IDs, more.IDs...), append(b.DropKeys, more.DropKeys...)
	b.Lengths, b.Captions = append(b.Lengths, more.Lengths...), append(b.Captions, more.Captions...)
	b.Alike, b.Index = append(b.Alike, more.Alike...), append(b.Index, more.Index...)
	b.Entries, b.Slots = append(b.Entries, more.Entries...), append(b.Slots, more.Slots...)
	b.Skipped, b.SkippedAt = append(b.Skipped, more.Skipped...), append(b.SkippedAt, more.SkippedAt...)
}

// sameBatches compares batches, of which empty and missing slices are the same.
func sameBatches(t *testing.T, what string, got, want []Batch) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d batches, want %d", what, len(got), len(want))
		return
	}
	for k := range want {
		got, want := reflect.ValueOf(got[k]), reflect.ValueOf(want[k])
		for i := range want.NumField() {
			g, w := got.Field(i), want.Field(i)
			if w.Kind() == reflect.Slice && g.Len() == 0 && w.Len() == 0 || reflect.DeepEqual(g.Interface(), w.Interface()) {
				continue
			}
			t.Errorf("%s, batch %d: %s is %v, want %v", what, k, want.Type().Field(i).Name, g, w)
		}
	}
}

func TestProcessesMakeTheBatchesOfOne(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		n, world, size := 1+r.IntN(90), 1+r.IntN(5), 1+r.IntN(6)
		f := &fake{n: n, reasons: badSamples(n, r.Float64()*0.4, seed), entries: badSamples(n, r.Float64()*0.3, seed+1)}
		one := f.loader()
		one.Order, one.Seed = Shuffled, seed
		if seed%3 == 2 {
			one.Order = Sequential
		}
		if one.Order == Shuffled && seed%2 == 1 {
			one.Pool = 1 + r.IntN(60)
		}
		from := int64(r.IntN(2 * n))
		to := from + int64(r.IntN(4*n)) // the last batch may be too short for some
		several := *one
		one.BatchSize, several.BatchSize = world*size, size
		if f.longestRun(one, int(to)) >= n {
			continue // one process refuses the data
		}
		sameBatches(t, "random access", together(t, several, world, from, to), good(t, one, from, to))
	}
}

func TestProcessesMakeTheBatchesOfOneOfAStream(t *testing.T) {
	for name, s := range streams(t) {
		for _, pool := range []int{0, 12} {
			one := fileLoader(s)
			one.Order, one.Buffer, one.Pool = Shuffled, 7, pool
			several := *one
			one.BatchSize, several.BatchSize = 6, 2
			from, to := int64(6), int64(2*s.Len()+3)
			sameBatches(t, name, together(t, several, 3, from, to), good(t, one, from, to))
		}
	}
}

func TestProcessesMakeTheBatchesOfOneOfUncountedData(t *testing.T) {
	f := remote(t, 5, 12, 100)
	one := memberLoader(f.openUncountedFor(t, "http://x/{0..4}.tar", 40))
	several := *one
	one.BatchSize, several.BatchSize = 6, 2
	sameBatches(t, "uncounted", together(t, several, 3, 12, 95), good(t, one, 12, 95))
}

func TestAnotherNumberOfProcessesGoesOn(t *testing.T) {
	f := &fake{n: 50, reasons: badSamples(50, 0.2, 3)}
	one := f.loader()
	one.BatchSize, one.Pool = 12, 30
	want := good(t, one, 0, 120)
	var got []Batch
	for _, world := range []int{2, 4, 1, 3} {
		several := *one
		several.BatchSize = one.BatchSize / world
		from := int64(12 * len(got))
		got = append(got, together(t, several, world, from, min(from+36, 120))...)
	}
	sameBatches(t, "resumed", got, want)
}

// A stream without end goes to the largest number.
func TestAStreamOfProcessesHasNoEnd(t *testing.T) {
	l := (&fake{n: 9}).loader()
	l.Rank, l.World = 1, 3
	for b, err := range l.Batches(t.Context(), 24, math.MaxInt64) {
		if err != nil || b.N != 8 || b.Next != 48 {
			t.Errorf("%d samples, next %d, %v", b.N, b.Next, err)
		}
		break
	}
}

// The limit of one process counts what all of them skip.
func TestTheSkipLimitOfAllProcessesIsThatOfOne(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 4))
		n := 5 + r.IntN(40)
		f := &fake{n: n, reasons: badSamples(n, r.Float64(), seed)}
		one := f.loader()
		one.Seed, one.BatchSize, one.MaxSkip = seed, 6, r.Float64()
		_, want := all(t, one, 0, int64(3*n))
		several := *one
		several.BatchSize, several.MaxSkip = 2, 1
		limit := one.SkipLimit()
		var got error
		for _, b := range together(t, several, 3, 0, int64(3*n)) {
			for i, skip := range b.Skipped {
				if got == nil {
					got = limit.Count(b.SkippedAt[i], skip)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("seed %d: %v, one process ends with %v", seed, got, want)
		}
	}
}

func TestAProcessThatIsNoneIsRefused(t *testing.T) {
	for _, c := range [][2]int{{2, 2}, {-1, 2}, {0, -1}, {1, 0}} {
		l := (&fake{n: 3}).loader()
		l.Rank, l.World = c[0], c[1]
		if _, err := all(t, l, 0, 3); err == nil {
			t.Errorf("process %d of %d reads", c[0], c[1])
		}
	}
}

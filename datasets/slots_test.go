package datasets

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// randomLoader has any share of unusable pictures and entries, any batch, and a pool or none.
func randomLoader(seed uint64) (*fake, *Loader) {
	r := rand.New(rand.NewPCG(seed, 4))
	n := 20 + r.IntN(100)
	f := &fake{n: n, reasons: badSamples(n, r.Float64()*0.8, seed), entries: badSamples(n, r.Float64()*0.3, seed+1000)}
	l := wordy{f}.loader(0)
	l.Seed, l.BatchSize, l.Workers = seed, 1+r.IntN(20), 1+r.IntN(5)
	if r.IntN(2) == 0 {
		l.Pool = 1 + r.IntN(60)
	}
	return f, l
}

// In any order, by itself, and where the loader begins at no batch's border.
func TestABatchMadeAloneIsThatOfTheStream(t *testing.T) {
	replaced := 0
	for seed := range uint64(40) {
		f, l := randomLoader(seed)
		if f.longestRun(l, 3*f.n) >= f.n {
			continue
		}
		size, end := int64(l.BatchSize), int64(3*f.n)
		whole := good(t, l, 0, end)
		for _, k := range rand.New(rand.NewPCG(seed, 5)).Perm(len(whole)) {
			from := int64(k) * size
			alone := *l
			alone.Workers = 1 + k%3
			if got := good(t, &alone, from, min(from+size, end)); len(got) != 1 || !reflect.DeepEqual(got[0], whole[k]) {
				t.Fatalf("seed %d: batch %d of %d alone is another:\n%+v\n%+v", seed, k, len(whole), got, whole[k])
			}
			replaced += whole[k].Replaced
		}
	}
	if replaced < 100 {
		t.Errorf("only %d samples were replaced", replaced)
	}
}

// Two processes that can't use different samples have the same batches but for the slots of those samples.
func TestLoadersThatSkipDifferentSamplesDoNotDriftApart(t *testing.T) {
	for _, pool := range []int{0, 48} {
		const n, end = 120, 480
		a, b := &fake{n: n, reasons: badSamples(n, 0.05, 1)}, &fake{n: n, reasons: badSamples(n, 0.05, 2)}
		some, others := good(t, wordy{a}.loader(pool), 0, end), good(t, wordy{b}.loader(pool), 80, end)
		same, different := 0, 0
		for k, other := range others {
			batch := some[10+k]
			if len(batch.Skipped)+len(other.Skipped) > 0 {
				different++
				continue
			}
			if same++; !reflect.DeepEqual(batch, other) {
				t.Errorf("pool of %d: batch %d has samples %v and %v", pool, 10+k, batch.Index, other.Index)
			}
		}
		if same < 10 || different < 10 {
			t.Errorf("pool of %d: %d batches without skips, %d with", pool, same, different)
		}
	}
}

// Other slots keep their samples, and a slot's replacement is one that can be used, whichever else can't.
func TestAReplacementFillsItsSlotAlone(t *testing.T) {
	const n = 50
	whole := good(t, (&fake{n: n}).loader(), 0, 2*n)
	for bad := range n {
		f := &fake{n: n, reasons: map[int]string{bad: "x"}}
		for k, b := range good(t, f.loader(), 0, 2*n) {
			for i, index := range whole[k].Index {
				if b.N != whole[k].N || index != bad && b.Index[i] != index || index == bad && b.Index[i] == bad {
					t.Errorf("sample %d can't be used: batch %d has %v, was %v", bad, k, b.Index, whole[k].Index)
				}
			}
		}
	}
}

func TestAReplacementIsAFunctionOfItsArguments(t *testing.T) {
	at := place{epoch: 3, index: 17}
	want := replacement(5, 0, 1000, at, 2)
	if got := replacement(5, 0, 1000, at, 2); got != want || want.epoch != 3 || want.salt == 0 {
		t.Errorf("%+v, then %+v", want, got)
	}
	for name, other := range map[string]place{
		"seed": replacement(6, 0, 1000, at, 2), "epoch": replacement(5, 0, 1000, place{epoch: 4, index: 17}, 2),
		"sample": replacement(5, 0, 1000, place{epoch: 3, index: 18}, 2), "try": replacement(5, 0, 1000, at, 3),
	} {
		if other.index == want.index || other.salt == want.salt {
			t.Errorf("another %s: %+v, want another than %+v", name, other, want)
		}
	}
	// Each of 50 samples is drawn about equally often: chi-squared with 49 degrees of freedom within six deviations.
	counts, chi := make([]float64, 50), 0.0
	for index := range 1000 {
		for try := range 10 {
			counts[replacement(1, 0, 50, place{index: index}, try).index]++
		}
	}
	for _, c := range counts {
		chi += (c - 200) * (c - 200) / 200
	}
	if math.Abs(chi-49) > 6*math.Sqrt(2*49) {
		t.Errorf("chi-squared %.1f for 49 degrees of freedom", chi)
	}
}

// The same picture twice in an epoch is augmented in two ways.
func TestAReplacementHasRandomNumbersOfItsOwn(t *testing.T) {
	f := &fake{n: 60, reasons: badSamples(60, 0.4, 1)}
	pixels, drops, samples := map[string]bool{}, map[uint64]bool{}, 0
	for _, b := range good(t, f.loader(), 0, 60) {
		samples += b.N
		for i := range b.N {
			pixels[string(b.Pixels[12*i+4:12*i+12])], drops[b.DropKeys[i]] = true, true
		}
	}
	if len(pixels) != samples || len(drops) != samples || samples != 60 {
		t.Errorf("%d samples have %d keys of pictures and %d of patches", samples, len(pixels), len(drops))
	}
}

func TestASlotStaysEmptyAfterSixteenTries(t *testing.T) {
	const n = 400
	f := &fake{n: n, reasons: map[int]string{}}
	for i := range n {
		if i%200 != 0 { // two samples are left
			f.reasons[i] = fmt.Sprint("broken ", i)
		}
	}
	l := f.loader()
	batches := good(t, l, 0, n)
	ledger(t, f, l, batches, 0, n)
	used := 0
	for _, b := range batches {
		used += b.N
	}
	// 1 - (1 - 2/400)^16 of the slots find one of the two: 8 %.
	if used < 10 || used > 60 || f.reads.Load() > (tries+1)*n || f.reads.Load() < 15*n {
		t.Errorf("%d samples used, %d reads", used, f.reads.Load())
	}
}

func TestReplacedSamplesCountAsUnusable(t *testing.T) {
	f := &fake{n: 100, reasons: map[int]string{}}
	for i := range 5 {
		f.reasons[i] = "broken"
	}
	l := f.loader()
	l.MaxSkip = 0.05
	if _, err := all(t, l, 0, 300); err != nil {
		t.Errorf("5 of 100, at most 5 %%: %v", err)
	}
	l.MaxSkip = 0.04
	batches, err := all(t, l, 0, 300)
	var refused *DataError
	if !errors.As(err, &refused) || !strings.HasPrefix(refused.Reason, "5 of 100 samples can't be used, more than 4 %") {
		t.Errorf("5 of 100, at most 4 %%: %v", err)
	}
	var skips []Skip
	for _, b := range batches {
		skips = append(skips, b.Skipped...)
	}
	if len(skips) != 5 || slices.ContainsFunc(skips, func(s Skip) bool { return s.ReplacedBy == "" }) {
		t.Errorf("%+v", skips)
	}
}

package mixture

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestNamesAreSplit(t *testing.T) {
	for name, want := range map[string][]string{
		"a": {"a"}, "a::b": {"a", "b"}, "a/{0..9}.tar::b.csv::builtin:shapes?n=3": {"a/{0..9}.tar", "b.csv", "builtin:shapes?n=3"},
		"a::": {"a", ""}, "http://[::1]:80/a.tar::b": {"http://[::1]:80/a.tar", "b"}, "a]::b": {"a]", "b"}, "a:::b": {"a", ":b"},
	} {
		if got := Split(name); !slices.Equal(got, want) || Join(got) != name {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestFactorsAreChecked(t *testing.T) {
	if got, err := ParseFactors("2::0.5:: 1e2", 3); err != nil || !slices.Equal(got, []float64{2, 0.5, 100}) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := ParseFactors("", 3); err != nil || got != nil {
		t.Errorf("none: %v %v", got, err)
	}
	for text, want := range map[string]string{
		"2": "1 factor, but the data has 2 sources", "1::2::3": "3 factors, but the data has 2 sources", "1::x": "factor 2",
		"1::": "factor 2", "0::1": "factor 1 of \"0::1\" is not above 0", "1::-2": "not above 0", "NaN::1": "factor 1",
		"Inf::1": "not between", "1::-Inf": "not above 0", "1::1e999": "not between", "2,1": "factor 1", "1::1e-9": "not between",
	} {
		got, err := ParseFactors(text, 2)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v %v, want %q", text, got, err, want)
		}
	}
}

// random is a schedule of sources with weights of very different sizes.
func random(seed uint64) (s *Schedule, shares []float64) {
	r := rand.New(rand.NewPCG(seed, 4))
	weights, sum := make([]float64, 1+r.IntN(9)), 0.0
	for i := range weights {
		weights[i] = math.Exp(3 * r.NormFloat64())
		sum += weights[i]
	}
	s = New(weights, func(int) uint64 { return r.Uint64() })
	for _, w := range weights {
		shares = append(shares, w/sum)
	}
	return s, shares
}

// Before is the count of what At says, and At's own number is the same count.
func TestSlotsAreCounted(t *testing.T) {
	for seed := range uint64(50) {
		s, shares := random(seed)
		counts := make([]uint64, len(shares))
		for slot := range uint64(500) {
			for source, n := range counts {
				if got := s.Before(source, slot); got != n {
					t.Fatalf("seed %d: source %d has %d slots before slot %d, not %d", seed, source, got, slot, n)
				}
			}
			source, before := s.At(slot)
			if before != counts[source] {
				t.Fatalf("seed %d: slot %d is number %d of source %d, want %d", seed, slot, before, source, counts[source])
			}
			counts[source]++
		}
	}
}

// In any window, near the beginning and very far from it, a source's slots deviate from its share by less than two for each division above
// it: the deviation of a window is that of its end less that of its beginning.
func TestEveryWindowHasItsShares(t *testing.T) {
	worst := 0.0
	for seed := range uint64(200) {
		s, shares := random(seed)
		most := 2 * float64(bits.Len(uint(len(shares)-1)))
		for _, from := range []uint64{0, 1, 777, 1_000_003, 1 << 40} {
			for _, length := range []uint64{1, 8, 64, 300, 4096} {
				for source, share := range shares {
					got := float64(s.Before(source, from+length) - s.Before(source, from))
					off := math.Abs(got - share*float64(length))
					if worst = max(worst, off); off > most {
						t.Fatalf("seed %d: source %d of share %.4f has %v of %d slots from %d on", seed, source, share, got, length, from)
					}
				}
			}
		}
	}
	t.Logf("at most %.2f slots from the share", worst)
}

// The shares are exact over long runs: no source drifts away from its share.
func TestSharesDoNotDrift(t *testing.T) {
	for seed := range uint64(50) {
		s, shares := random(seed)
		for source, share := range shares {
			const slots = 1 << 40
			if got := float64(s.Before(source, slots)); math.Abs(got-share*slots) > 8 {
				t.Errorf("seed %d: source %d has %.0f of 2^40 slots, its share is %.0f", seed, source, got, share*slots)
			}
		}
	}
}

func TestExtremeWeightsLeaveEachSourceSlots(t *testing.T) {
	s := New([]float64{1e12, 1e-6, 1e12}, func(int) uint64 { return 1 << 63 })
	if n := s.Before(1, math.MaxInt64); n < 4 || n > 6 { // 2^63 / 2e18 = 4.6
		t.Errorf("%d", n)
	}
	s = New([]float64{1e-30, 1e30}, func(int) uint64 { return 0 })
	if a, b := s.Before(0, 1<<63), s.Before(1, 1<<63); a+b != 1<<63 || b < a {
		t.Errorf("%d %d", a, b)
	}
}

func TestOneSourceHasEverySlot(t *testing.T) {
	s := New([]float64{3}, nil)
	if source, before := s.At(41); source != 0 || before != 41 || s.Before(0, 41) != 41 {
		t.Errorf("%d %d", source, before)
	}
}

func ExampleSchedule() {
	s := New([]float64{2, 1}, func(int) uint64 { return 1 << 63 })
	for slot := range uint64(6) {
		source, before := s.At(slot)
		fmt.Print(source, "#", before, " ")
	}
	// Output: 0#0 1#0 0#1 0#2 1#1 0#3
}

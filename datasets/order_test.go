package datasets

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// places is the whole order of an epoch.
func places(n int, seed, epoch uint64) []int {
	p := newPermutation(n, seed, epoch)
	out := make([]int, n)
	for i := range out {
		out[i] = int(p.at(uint64(i)))
	}
	return out
}

func TestAnOrderHoldsEachSampleOnce(t *testing.T) {
	lengths := []int{1023, 1024, 1025, 4095, 4096, 4097, 100_003}
	for n := range 300 {
		lengths = append(lengths, n+1)
	}
	for _, n := range lengths {
		for epoch := range uint64(3) {
			order := places(n, 7, epoch)
			slices.Sort(order)
			for i, v := range order {
				if v != i {
					t.Fatalf("%d samples, epoch %d: %d in place of %d", n, epoch, v, i)
				}
			}
		}
	}
}

func TestOrdersOfHugeSetsStayInside(t *testing.T) {
	for _, n := range []int{math.MaxInt, math.MaxInt/2 + 1, 1<<62 + 1, 5_000_000_000} {
		p := newPermutation(n, 1, 2)
		for _, i := range []int{0, 1, n / 2, n - 1} {
			if v := p.at(uint64(i)); v >= uint64(n) {
				t.Errorf("%d of %d goes to %d", i, n, v)
			}
		}
	}
}

func TestSeedsAndEpochsHaveOrdersOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for seed := range uint64(5) {
		for epoch := range uint64(5) {
			name, order := fmt.Sprintf("seed %d epoch %d", seed, epoch), fmt.Sprint(places(50, seed, epoch))
			if other, twice := seen[order]; twice {
				t.Errorf("%s has the order of %s", name, other)
			}
			seen[order] = name
		}
	}
	if !slices.Equal(places(50, 3, 4), places(50, 3, 4)) {
		t.Error("an order changes")
	}
}

// Over many epochs each sample is at each position about equally often: chi-squared with (n-1)^2 degrees of freedom,
// within six standard deviations. The keys are fixed, so the outcome is too.
func TestEverySampleReachesEveryPlace(t *testing.T) {
	for _, n := range []int{2, 3, 5, 16, 17, 60} {
		const epochs = 4000
		counts := make([]float64, n*n)
		for epoch := range uint64(epochs) {
			for i, v := range places(n, 11, epoch) {
				counts[i*n+v]++
			}
		}
		want, chi := epochs/float64(n), 0.0
		for _, c := range counts {
			chi += (c - want) * (c - want) / want
		}
		free := float64((n - 1) * (n - 1))
		if math.Abs(chi-free) > 6*math.Sqrt(2*free) {
			t.Errorf("%d samples: chi-squared %.1f for %.0f degrees of freedom", n, chi, free)
		}
	}
}

// Neighbours in the source must not stay neighbours in the order: of a random order's n-1 pairs, 2 are neighbours on average.
func TestNeighboursPart(t *testing.T) {
	together := 0
	const n, epochs = 1000, 50
	for epoch := range uint64(epochs) {
		order := places(n, 5, epoch)
		for i := 1; i < n; i++ {
			if d := order[i] - order[i-1]; d == 1 || d == -1 {
				together++
			}
		}
	}
	if mean := float64(together) / epochs; mean < 1 || mean > 3 {
		t.Errorf("%.2f pairs stay together, expected about 2", mean)
	}
}

func TestRandomNumbersOfASampleAreApart(t *testing.T) {
	seen := map[uint64]bool{}
	count := 0
	for _, seed := range []uint64{0, 1, math.MaxUint64} {
		for epoch := range uint64(10) {
			for index := range uint64(10) {
				for _, purpose := range []uint64{orderKey, pixelsKey, dropKey, captionKey} {
					seen[mix(seed, epoch, index, purpose)] = true
					count++
				}
			}
		}
	}
	if len(seen) != count {
		t.Errorf("%d different numbers of %d", len(seen), count)
	}
}

func BenchmarkOrder(b *testing.B) {
	p := newPermutation(1_500_000, 1, 2)
	for i := range b.N {
		p.at(uint64(i) % 1_500_000)
	}
}

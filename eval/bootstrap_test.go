package eval

import (
	"math"
	"strings"
	"testing"
)

func outcome(right, wrong int) string { return strings.Repeat("1", right) + strings.Repeat("0", wrong) }

func TestADifferenceCountsPairs(t *testing.T) {
	d, err := Compare("1101", "1010")
	if err != nil || d.N != 4 || d.Better != 2 || d.Worse != 1 || d.Value != 0.25 {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range [][2]string{{"", ""}, {"1", "11"}} {
		if _, err := Compare(bad[0], bad[1]); err == nil {
			t.Errorf("%q is compared", bad)
		}
	}
}

// The bootstrap's interval is near that of the normal distribution for a thousand samples, and above the limit it is the same formula.
func TestIntervalsAgreeWithTheNormalDistribution(t *testing.T) {
	for _, n := range []int{1000, resampled, resampled + 1, 30000} {
		a, b := outcome(n*7/10, n-n*7/10), outcome(n*6/10, n-n*6/10)
		d, err := Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		p := float64(d.Better) / float64(n)
		want := 1.96 * math.Sqrt(p*(1-p)/float64(n))
		if math.Abs(d.High-d.Value-want) > 0.12*want || math.Abs(d.Value-d.Low-want) > 0.12*want || !d.Significant() {
			t.Errorf("%d: %v to %v around %v, want %v on each side", n, d.Low, d.High, d.Value, want)
		}
	}
	if d, _ := Compare("10", "01"); d.Significant() {
		t.Errorf("two samples: %+v", d)
	}
	if d, _ := Compare("11111", "00000"); d.Significant() {
		t.Errorf("five samples that changed: %+v", d)
	}
	if d, _ := Compare("111111", "000000"); !d.Significant() {
		t.Errorf("six samples that changed: %+v", d)
	}
	if d, _ := Compare("1111", "1111"); d.Significant() || d.Low != 0 || d.High != 0 {
		t.Errorf("the same outcomes: %+v", d)
	}
}

// The interval is that of all resamples: the distribution of the sum is computed draw by draw here.
func TestIntervalsAreThoseOfAllResamples(t *testing.T) {
	for _, c := range [][3]int{
		{5, 1, 1}, {7, 3, 2}, {40, 11, 3}, {40, 1, 39}, {40, 0, 7}, {40, 7, 0}, {12, 12, 0}, {12, 0, 12}, {30, 0, 0},
		{300, 40, 55}, {1, 1, 0}, {300, 200, 3}, {300, 2, 250}, {1200, 9, 4}, {900, 899, 1},
	} {
		n, better, worse := c[0], c[1], c[2]
		sums := make([]float64, 2*n+1)
		sums[n] = 1
		for range n {
			next := make([]float64, len(sums))
			for i, p := range sums {
				for value, count := range map[int]int{1: better, -1: worse, 0: n - better - worse} {
					if p > 0 && count > 0 {
						next[i+value] += p * float64(count) / float64(n)
					}
				}
			}
			sums = next
		}
		at := func(share float64) float64 {
			sum := 0.0
			for i, p := range sums {
				if sum += p; sum >= share {
					return float64(i-n) / float64(n)
				}
			}
			return 1
		}
		d := Difference{N: n, Better: better, Worse: worse}
		logs, low := d.sums()
		all := 0.0
		for _, v := range logs {
			all += math.Exp(v)
		}
		for i, v := range logs {
			if got, want := math.Exp(v)/all, sums[low+i+n]; math.Abs(got-want) > 1e-12 {
				t.Fatalf("%v: sum %d has probability %v, want %v", c, low+i, got, want)
			}
		}
		d.bootstrap()
		if d.Low != at(0.025) || d.High != at(0.975) {
			t.Errorf("%v: %v to %v, want %v to %v", c, d.Low, d.High, at(0.025), at(0.975))
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	first, second := outcome(6000, 4000), strings.Repeat("0", 2000)+outcome(5000, 3000)
	for b.Loop() {
		if _, err := Compare(first, second); err != nil {
			b.Fatal(err)
		}
	}
}

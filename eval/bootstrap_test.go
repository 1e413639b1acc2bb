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
	for _, n := range []int{1000, 2000, 2001, 20000} {
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
	if d, _ := Compare("1111", "1111"); d.Significant() || d.Low != 0 || d.High != 0 {
		t.Errorf("the same outcomes: %+v", d)
	}
}

package eval

import (
	"math"
	"testing"
)

// A bin includes its upper end, in both measures that have bins.
func TestABinIncludesItsUpperEnd(t *testing.T) {
	for confidence, want := range map[float64]int{0: 0, 1.0 / 15: 0, 0.2: 2, 1.0 / 3: 4, math.Nextafter(1.0/3, 1): 5, 1: 14} {
		var c Calibration
		c.add(confidence, true)
		if c.Bins[want].N != 1 {
			t.Errorf("%v is not in bin %d: %v", confidence, want, c.Bins)
		}
	}
	r, err := Reliable([]float32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{0, 1}, 5, 1)
	if err != nil || r.Bins[2].N != 2 || math.Abs(r.ECE-0.3) > 1e-12 || math.Abs(r.MCE-0.3) > 1e-12 {
		t.Errorf("%+v, %v", r, err)
	}
}

package alignment

import "testing"

func TestSidesAreComparedByWhatTheyHold(t *testing.T) {
	ids := []int32{1, 2, 1, 2 /* */, 1, 2, 1, 3}
	if !same(ids, 0, 2, 2) || same(ids, 1, 2, 2) || !same(ids, 1, 2, 1) {
		t.Error("pair 0 is the same on both sides, pair 1 is not, and what is shared is")
	}
}

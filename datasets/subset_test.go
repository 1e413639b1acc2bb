package datasets

import (
	"bytes"
	"slices"
	"testing"
)

func TestViewsShowTheChosenSamples(t *testing.T) {
	all := builtin(t, "builtin:shapes?n=50")
	chosen := []int{7, 3, 3, 49}
	view := Select(all, chosen)
	if view.Len() != len(chosen) || view.Info().Name != all.Info().Name || len(view.Info().Classes) != len(all.Info().Classes) {
		t.Errorf("%d samples of %s", view.Len(), view.Info().Name)
	}
	for i, n := range chosen {
		p, err := view.Picture(t.Context(), i)
		q, err2 := all.Picture(t.Context(), n)
		if err != nil || err2 != nil || !bytes.Equal(p.RGB, q.RGB) || entryOf(t, view, i).Key != entryOf(t, all, n).Key {
			t.Errorf("sample %d is not %d of the source: %v %v", i, n, err, err2)
		}
		a, _ := Hash(t.Context(), view, i)
		if b, _ := Hash(t.Context(), all, n); a != b || len(a) != 64 {
			t.Errorf("hash %s instead of %s", a, b)
		}
	}
	if err := view.Close(); err != nil {
		t.Error(err)
	}
	if entryOf(t, Select(view, []int{3}), 0).Key != entryOf(t, all, 49).Key {
		t.Error("a view of a view shows another sample")
	}
}

func TestViewsHaveFingerprintsOfTheirOwn(t *testing.T) {
	all := builtin(t, "builtin:shapes?n=50")
	seen := map[string]bool{all.Info().Fingerprint: true}
	for _, indices := range [][]int{nil, {0}, {1}, {0, 1}, {1, 0}} {
		seen[Select(all, indices).Info().Fingerprint] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d fingerprints for 6 sets", len(seen))
	}
}

func TestSampleSpreadsOverTheSource(t *testing.T) {
	all := builtin(t, "builtin:shapes?n=10")
	for n, want := range map[int][]int{
		0: {}, 1: {0}, 3: {0, 3, 6}, 9: {0, 1, 2, 3, 4, 5, 6, 7, 8},
		10: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 99: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	} {
		view := Sample(all, n)
		got := []int{}
		for i := range view.Len() {
			got = append(got, slices.IndexFunc(want, func(w int) bool { return entryOf(t, all, w).Key == entryOf(t, view, i).Key }))
		}
		for i, at := range got {
			if at != i {
				t.Errorf("%d of 10: %v", n, got)
			}
		}
		if view.Len() != len(want) {
			t.Errorf("%d of 10 gives %d", n, view.Len())
		}
	}
}

package model_test

import (
	"math"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

func TestAttentionOfBothTowersIsShownLayerByLayer(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, 10, 0)
	live := torch.Live()
	for name, c := range map[string]struct {
		length int
		causal bool
		look   func(see func(from int, a model.Attention)) error
	}{
		"image": {17, false, func(see func(int, model.Attention)) error { return m.AttendImages(t.Context(), b.Pixels, 10, see) }},
		"text":  {0, true, func(see func(int, model.Attention)) error { return m.AttendTokens(t.Context(), b.IDs, 10, see) }},
	} {
		seen := map[[2]int]bool{} // first input, layer
		err := c.look(func(from int, a model.Attention) {
			seen[[2]int{from, a.Layer}] = true
			if a.Heads != 2 || a.Batch != min(8, 10-from) || c.length > 0 && a.Length != c.length ||
				len(a.Weights) != a.Batch*a.Heads*a.Length*a.Length {
				t.Errorf("%s: %d inputs, %d heads, %d tokens", name, a.Batch, a.Heads, a.Length)
			}
			for row := range a.Batch * a.Heads * a.Length {
				var sum, ahead float64
				for k, w := range a.Weights[row*a.Length : (row+1)*a.Length] {
					sum += float64(w)
					if k > row%a.Length {
						ahead += float64(w)
					}
				}
				if math.Abs(sum-1) > 1e-5 || c.causal != (ahead == 0) && row%a.Length < a.Length-1 {
					t.Fatalf("%s: row %d sums to %v, %v of it ahead", name, row, sum, ahead)
				}
			}
		})
		if err != nil || len(seen) != 4 || !seen[[2]int{8, 1}] {
			t.Errorf("%s: shown %v, %v", name, seen, err)
		}
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
}

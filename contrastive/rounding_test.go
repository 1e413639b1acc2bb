package contrastive

import (
	"cmp"
	"math"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// keysOff compares parameters after some steps of AdamW on one thread and on two, which add in another order, as two processes do. keys is
// the largest difference in the keys' biases of the attentions, others that of all other parameters, each as a share of the parameter's
// largest value.
func keysOff(t *testing.T, eps float64) (keys, others float64) {
	t.Helper()
	var first [][]float32
	for _, threads := range []int{1, 2} {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		m := modeltest.NewTiny(t, modeltest.Unchanged)
		o := &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}}
		adamw := training.DefaultAdamW()
		adamw.LR, adamw.Eps = 1e-3, cmp.Or(eps, adamw.Eps)
		tr, err := training.New(t.Context(), o, adamw, training.Schedule{Kind: training.Const, Steps: 4})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Free()
		for step := range 4 {
			if _, err := tr.Step(t.Context(), spreadCase{}.batch(m.Config, step, nil)); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range m.Params() {
			values := p.Tensor().Float32s()
			if threads == 1 {
				first = append(first, values)
				continue
			}
			most := 0.0
			for _, v := range values {
				most = max(most, math.Abs(float64(v)))
			}
			for k, v := range values {
				off := math.Abs(float64(v-first[i][k])) / most
				if n := len(values) / 3; strings.HasSuffix(p.Name, "in_proj_bias") && k >= n && k < 2*n {
					keys = max(keys, off)
				} else {
					others = max(others, off)
				}
			}
		}
	}
	return keys, others
}

// A bias of the keys adds the same number to all scores of a query, which the softmax takes away again: its gradient is 0, and what is
// computed is rounding. AdamW divides a gradient by its own size, so that it makes steps of the rounding unless eps is larger. So these
// biases, which have no effect, differ between two orders of the sums by far more than anything else: by 7.6e-3 and 2.9e-6 with this test's
// first kernels, by 2.9e-2 and 4.3e-5 with those of AVX2. The limits are some times that.
func TestTheKeysBiasesFollowRounding(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	keys, others := keysOff(t, 0)
	t.Logf("keys' biases off by %.2g, others by %.2g", keys, others)
	if others > 3e-4 {
		t.Errorf("with the eps of AdamW other parameters are off by %.2g of their largest", others)
	}
	large, others := keysOff(t, 1e-3)
	t.Logf("with eps 1e-3 %.2g, others by %.2g", large, others)
	if large > 3e-4 || others > 5e-5 { // the largest bias is small after so few steps
		t.Errorf("with an eps above the rounding the keys' biases are off by %.2g of the largest, others by %.2g", large, others)
	}
}

package contrastive

import (
	"bytes"
	"math"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// gradients makes one forward and backward pass on a number of threads, and so of lanes.
func gradients(t *testing.T, m *model.Model, b *datasets.Batch, threads int) (grads [][]float32, bits []byte) {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	o := &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	live := torch.Live()
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		if got := len(m.MicroBatches(s, b, 0).Parts); got != threads {
			t.Errorf("%d lanes on %d threads", got, threads)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		if _, err := o.Accumulate(s, b); err != nil {
			return err
		}
		var leaves []*torch.Tensor
		for _, p := range m.Params() {
			g := p.Tensor().Gradient(s)
			grads, bits = append(grads, g.Float32s()), append(bits, g.Bytes()...)
			leaves = append(leaves, p.Tensor())
		}
		torch.DropGradients(leaves)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if torch.Live() != live {
		t.Errorf("%d lanes: %d handles stayed behind", threads, torch.Live()-live)
	}
	return grads, bits
}

func TestLanesGiveTheGradientOfTheWholeBatch(t *testing.T) {
	m := modeltest.NewTiny(t, func(c *model.Config) { c.Vision.PatchDropout = 0.5 })
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	b := modeltest.Pairs(m.Config, 27, 0)
	want, _ := gradients(t, m, b, 1)
	for _, threads := range []int{2, 3} {
		got, bits := gradients(t, m, b, threads)
		for i, p := range m.Params() {
			var most, off float64
			for k, v := range want[i] {
				most, off = max(most, math.Abs(float64(v))), max(off, math.Abs(float64(v-got[i][k])))
			}
			if !(off <= 1e-5*most) { // float32 sums in another order
				t.Errorf("%d lanes: %s is off by %.2g of %.2g", threads, p.Name, off, most)
			}
		}
		for range 5 {
			if _, again := gradients(t, m, b, threads); !bytes.Equal(bits, again) {
				t.Fatalf("%d lanes: other bits the next time", threads)
			}
		}
	}
}

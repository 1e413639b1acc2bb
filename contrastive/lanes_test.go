package contrastive

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
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
		if got := m.lanes(b.N); got != threads {
			t.Fatalf("%d lanes on %d threads", got, threads)
		}
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
	m := newTiny(t, func(c *model.Config) { c.Vision.PatchDropout = 0.5 })
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	b := pairs(m.Config, 27, 0)
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

func TestEachPairIsInOnePart(t *testing.T) {
	m := Declare(tinyConfig())
	for _, n := range []int{1, 15, 16, 33} {
		b := pairs(m.Config, n, 0)
		next, size := 0, len(b.Pixels)/n
		for _, p := range m.split(b, stretch{0, n, m.lanes(n)}) {
			if p.From != next || p.N == 0 || len(p.Pixels) != p.N*size || len(p.Mode.DropKeys) != p.N || len(p.IDs) != p.N*b.MaxTokens {
				t.Errorf("of %d pairs: part from %d of %d, %d bytes, %d keys, %d ids", n, p.From, p.N, len(p.Pixels), len(p.Mode.DropKeys), len(p.IDs))
			}
			next += p.N
		}
		if next != n {
			t.Errorf("%d of %d pairs", next, n)
		}
	}
}

// open_clip keeps the sines and cosines of sin_cos_2d as they are, requires_grad=False.
func TestFixedPositionsAreNotTrained(t *testing.T) {
	names := func(m *model.Model) (out []string) {
		err := torch.Do(t.Context(), func(*torch.Scope) error {
			for _, p := range m.Trained() {
				out = append(out, p.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	learned := names(newTiny(t, unchanged))
	fixed := names(newTiny(t, func(c *model.Config) { c.Vision.PosEmbedType = "sin_cos_2d" }))
	if without := slices.DeleteFunc(learned, func(n string) bool { return n == "visual.positional_embedding" }); !slices.Equal(fixed, without) {
		t.Errorf("trained: %v", fixed)
	}
}

package torch_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// normals are n random numbers.
func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// A conversion in the graph is the plain way: the same product and the same gradient, to the bit, however often a parameter is used.
func TestALowPrecisionCopyCountsAsItsMaster(t *testing.T) {
	for uses := 1; uses <= 3; uses++ {
		gradient := func(operand func(master *torch.Tensor) *torch.Tensor) (out []byte) {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				rng := rand.New(rand.NewPCG(3, 4))
				master := torch.From(s, normals(rng, 40), 5, 8).Trainable()
				total := torch.Zeros(s, torch.Float32, torch.CPU)
				for range uses {
					x := torch.From(s, normals(rng, 56), 7, 8).To(torch.BFloat16)
					total = total.Add(x.Linear(operand(master), nil).To(torch.Float32).Exp().Sum())
				}
				total.Backward()
				g := master.Gradient(s)
				if g.DType() != torch.Float32 {
					t.Errorf("a gradient of type %d", g.DType())
				}
				out = append(total.Bytes(), g.Bytes()...)
			})
			return out
		}
		plain := gradient(func(master *torch.Tensor) *torch.Tensor { return master.To(torch.BFloat16) })
		if !bytes.Equal(plain, gradient(func(master *torch.Tensor) *torch.Tensor {
			return master.LowPrecisionCopy(master.CopyAs(torch.BFloat16))
		})) {
			t.Errorf("%d uses: another gradient", uses)
		}
	}
}

func TestACopyOfAConstantRecordsNothing(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		master := torch.From(s, []float32{1, 2}, 2)
		if master.LowPrecisionCopy(master.CopyAs(torch.BFloat16)).Recorded() {
			t.Error("recorded")
		}
	})
}

// steps makes AdamW steps from gradients in bfloat16, which come through a low-precision copy or are widened before, and checks the
// copies after each step.
func steps(t *testing.T, narrow bool) (bits []byte, norms []float64) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		rng := rand.New(rand.NewPCG(7, 8))
		var p []*torch.Tensor
		var m torch.Moments
		for _, shape := range [][]int{{300, 113}, {2, 40000}, {7}, {1}} { // more than a stretch, rows longer than one
			n := 1
			for _, d := range shape {
				n *= d
			}
			master := torch.From(s, normals(rng, n), shape...).Trainable()
			p, m.Copies = append(p, master), append(m.Copies, master.CopyAs(torch.BFloat16))
			m.Mean, m.Variance = append(m.Mean, torch.Zeros(s, torch.Float32, torch.CPU, shape...)),
				append(m.Variance, torch.Zeros(s, torch.Float32, torch.CPU, shape...))
		}
		for step := range 4 {
			for i, master := range p {
				operand := master.In(s).To(torch.BFloat16)
				if narrow {
					operand = master.LowPrecisionCopy(m.Copies[i])
				}
				slope := torch.From(s, normals(rng, master.Len()), master.Shape()...).To(torch.BFloat16)
				operand.Mul(slope).Sum().Backward()
			}
			norms = append(norms, torch.GradientNorm(p))
			torch.AdamWInPlace(p, m, []float64{0.2, 0.1, 0, 0}, torch.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6,
				GradientScale: 0.7, Step: int64(step + 1)})
			torch.DropGradients(p)
			for i, master := range p {
				bits = append(bits, master.Bytes()...)
				if !bytes.Equal(m.Copies[i].Bytes(), master.CopyAs(torch.BFloat16).Bytes()) {
					t.Fatalf("step %d: copy %d is not the master's", step, i)
				}
			}
		}
	})
	return bits, norms
}

func TestAdamWKeepsCopiesEqualAndReadsNarrowGradients(t *testing.T) {
	bits, norms := steps(t, true)
	wideBits, wideNorms := steps(t, false)
	if !slices.Equal(norms, wideNorms) {
		t.Errorf("norms %v, widened before %v", norms, wideNorms)
	}
	if !bytes.Equal(bits, wideBits) {
		t.Error("other parameters than from gradients that were widened before")
	}
}

func TestChangesInPlaceAreCounted(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		x, one := torch.From(s, []float32{1, 2}, 2), torch.From(s, []float32{1, 1}, 2)
		y := torch.From(s, []float32{1, 2}, 2).Trainable()
		m := torch.Moments{Mean: []*torch.Tensor{torch.Zeros(s, torch.Float32, torch.CPU, 2)},
			Variance: []*torch.Tensor{torch.Zeros(s, torch.Float32, torch.CPU, 2)}}
		y.Sum().Backward()
		for name, change := range map[string]struct {
			of *torch.Tensor
			f  func()
		}{
			"overwrite": {x, func() { x.OverwriteInPlace(make([]byte, 8)) }},
			"clamp":     {x, func() { x.ClampInPlace(0, 1) }},
			"lerp":      {x, func() { x.LerpInPlace(one, 0.5) }},
			"copy":      {x, func() { x.CopyInPlace(one) }},
			"adamw": {y, func() {
				torch.AdamWInPlace([]*torch.Tensor{y}, m, []float64{0}, torch.AdamW{LR: 1, Eps: 1, GradientScale: 1, Step: 1})
			}},
		} {
			before := change.of.Changes()
			change.f()
			if change.of.Changes() == before {
				t.Errorf("%s is not counted", name)
			}
		}
	})
}

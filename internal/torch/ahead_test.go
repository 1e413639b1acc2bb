package torch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// counters are what a step ahead counts.
func counters(s *torch.Scope) torch.Ahead {
	return torch.Ahead{Made: torch.From(s, []float32{0}), Failed: torch.Zeros(s, torch.Float32, torch.CPU, 2)}
}

// The step that a GPU decides by itself, on the CPU, against AdamW in float64.
func TestAStepAheadFollowsTheDefinition(t *testing.T) {
	for _, limit := range []float64{0, 0.05, 100} {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			rng := rand.New(rand.NewPCG(7, 8))
			leaves := []*leaf{newLeaf(s, rng, torch.Float32, 33000, 0.2), newLeaf(s, rng, torch.Float32, 1, 0),
				newLeaf(s, rng, torch.Float32, 7, 0.2)}
			idle := newLeaf(s, rng, torch.Float32, 3, 0.2) // no gradient reaches it
			p, moments, decay := columns(append(leaves, idle))
			now := counters(s)
			now.Limit = limit
			for step := int64(1); step <= 6; step++ {
				a := torch.AdamW{LR: 1e-2 / float64(step), Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, Step: step}
				gradients, square := make([][]float64, len(leaves)), 0.0
				for i, l := range leaves {
					for range l.value {
						g := float64(float32(rng.NormFloat64() * 1e-3))
						gradients[i], square = append(gradients[i], g), square+g*g
					}
					l.give(gradients[i])
				}
				norm := torch.AdamWAheadInPlace(s, p, moments, decay, a, now).Item()
				if want := math.Sqrt(square); math.Abs(norm-want) > 1e-6*want {
					t.Errorf("norm %v, want %v", norm, want)
				}
				if a.GradientScale = 1; limit > 0 {
					a.GradientScale = min(1, limit/(math.Sqrt(square)+1e-6))
				}
				for i, l := range leaves {
					l.step(gradients[i], a)
				}
				torch.DropGradients(p)
			}
			for _, l := range append(leaves, idle) {
				shape := []int{len(l.value)}
				compare(t, "parameter", l.p, array{shape, l.value}, 2e-6) // a few roundings of 6e-8 a step
				compare(t, "mean", l.m, array{shape, l.m1}, 2e-6)
				compare(t, "variance", l.v, array{shape, l.m2}, 2e-6)
			}
		})
	}
}

// A table's gradient, which the CPU has by rows, counts whole.
func TestAStepAheadMovesTables(t *testing.T) {
	run := func(step func(s *torch.Scope, p []*torch.Tensor, m torch.Moments, a torch.AdamW)) (values []float32) {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			rng := rand.New(rand.NewPCG(9, 1))
			l := newLeaf(s, rng, torch.Float32, 40*5, 0)
			table := l.p.Detach().Reshape(40, 5).Trainable()
			m := torch.Moments{Mean: []*torch.Tensor{l.m.Reshape(40, 5)}, Variance: []*torch.Tensor{l.v.Reshape(40, 5)}}
			x := table.Embedding(torch.From(s, []int64{3, 9, 3}, 3))
			x.Mul(x).Sum().Backward()
			step(s, []*torch.Tensor{table}, m, torch.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, GradientScale: 1, Step: 1})
			torch.DropGradients([]*torch.Tensor{table})
			values = table.Float32s()
		})
		return values
	}
	want := run(func(_ *torch.Scope, p []*torch.Tensor, m torch.Moments, a torch.AdamW) {
		torch.AdamWInPlace(p, m, []float64{0.2}, a)
	})
	got := run(func(s *torch.Scope, p []*torch.Tensor, m torch.Moments, a torch.AdamW) {
		torch.AdamWAheadInPlace(s, p, m, []float64{0.2}, a, counters(s))
	})
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-6 {
			t.Fatalf("value %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestAStepAheadIsLeftOutWhereANumberIsNotFinite(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	torchtest.RunGrad(t, func(s *torch.Scope) {
		l := newLeaf(s, rand.New(rand.NewPCG(1, 1)), torch.Float32, 40, 0.2)
		p, moments, decay := columns([]*leaf{l})
		now := counters(s)
		all := func() (out [][]float32) {
			for _, x := range []*torch.Tensor{l.p, l.m, l.v} {
				out = append(out, x.Float32s())
			}
			return out
		}
		for i, c := range []struct {
			gradient, loss float64
			failed         [2]float32 // in a row, in all
			made           float32
		}{
			{1, 2, [2]float32{0, 0}, 1}, {nan, 2, [2]float32{1, 1}, 1}, {1, inf, [2]float32{2, 2}, 1}, {inf, nan, [2]float32{3, 3}, 1},
			{1, 2, [2]float32{0, 3}, 2}, {1, -inf, [2]float32{1, 4}, 2},
		} {
			before := all()
			g := make([]float64, 40)
			g[7] = c.gradient
			l.give(g)
			now.Losses = []*torch.Tensor{torch.From(s, []float32{1}), torch.From(s, []float32{float32(c.loss)})}
			torch.AdamWAheadInPlace(s, p, moments, decay, torch.AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6}, now)
			torch.DropGradients(p)
			left := slices.EqualFunc(before, all(), slices.Equal[[]float32])
			if left != (c.failed[0] > 0) {
				t.Errorf("step %d: parameters and moments stayed: %v", i, left)
			}
			if failed, made := now.Failed.Float32s(), now.Made.Float32s(); [2]float32(failed) != c.failed || made[0] != c.made {
				t.Errorf("step %d: %v failed, %v made, want %v, %v", i, failed, made, c.failed, c.made)
			}
		}
	})
}

func TestWaitsAreCounted(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x *torch.Tensor)
		want int
	}{
		{"arithmetic", func(x *torch.Tensor) { x.Mul(x).Sum() }, 0},
		{"a number", func(x *torch.Tensor) { x.Sum().Item() }, 1},
		{"the norm", func(x *torch.Tensor) { torch.GradientNorm([]*torch.Tensor{x}) }, 1},
		{"a step ahead", func(x *torch.Tensor) {
			x.Mul(x).Sum().Backward()
			one := func() []*torch.Tensor { return []*torch.Tensor{torch.Zeros(x.Scope(), torch.Float32, torch.CPU, 2)} }
			torch.AdamWAheadInPlace(x.Scope(), []*torch.Tensor{x}, torch.Moments{Mean: one(), Variance: one()}, []float64{0},
				torch.AdamW{LR: 1}, counters(x.Scope()))
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				x := torch.From(s, []float32{1, 2}, 2).Trainable()
				if n := torch.Waits(func() { c.f(x) }); n != c.want {
					t.Errorf("%d waits, want %d", n, c.want)
				}
			})
		})
	}
}

// Bytes that are normalized on a device are what the CPU's loop makes of them, to the bit.
func TestPixelsAreTheSameOnADevice(t *testing.T) {
	mean, std := [3]float64{0.48145466, 0.4578275, 0.40821073}, [3]float64{0.26862954, 0.26130258, 0.27577711}
	pixels := make([]uint8, 3*16*16*3)
	for i := range pixels {
		pixels[i] = uint8(i*37 + i/256)
	}
	torchtest.Run(t, func(s *torch.Scope) {
		want, got := torch.Pixels(s, pixels, 3, mean, std, torch.CPU), torch.PixelsThere(s, pixels, 3, 16, mean, std)
		if !slices.Equal(got.Shape(), want.Shape()) || !slices.Equal(got.Float32s(), want.Float32s()) {
			t.Error("the pixels differ")
		}
	})
}

// libtorch's own attention, for devices, against the CPU's products: values and gradients.
func TestScaledDotProductIsAttention(t *testing.T) {
	const b, n, l, h = 2, 3, 5, 4
	masks := map[string]func(s *torch.Scope) *torch.Tensor{
		"open":   func(*torch.Scope) *torch.Tensor { return nil },
		"causal": func(s *torch.Scope) *torch.Tensor { return torch.CausalMask(s, torch.Float32, torch.CPU, l) },
		"causal, a second handle": func(s *torch.Scope) *torch.Tensor {
			return torch.CausalMask(s, torch.Float32, torch.CPU, l).In(s)
		},
		"another": func(s *torch.Scope) *torch.Tensor {
			rng := rand.New(rand.NewPCG(3, 3))
			return torch.From(s, build([]int{l, l}, func([]int) float64 { return rng.NormFloat64() }).v, l, l).To(torch.Float32)
		},
	}
	for name, mask := range masks {
		t.Run(name, func(t *testing.T) {
			run := func(attend func(q, k, v, mask *torch.Tensor) *torch.Tensor) (out []float64) {
				torchtest.RunGrad(t, func(s *torch.Scope) {
					rng := rand.New(rand.NewPCG(5, 5))
					var in []*torch.Tensor
					for range 3 {
						in = append(in, torch.From(s, build([]int{b, n, l, h}, func([]int) float64 { return rng.NormFloat64() }).v, b, n,
							l, h).To(torch.Float32).Detach().Trainable())
					}
					y := attend(in[0], in[1], in[2], mask(s))
					y.Mul(y).Sum().Backward()
					for _, x := range append(in, y) {
						if g := x.Gradient(s); g != nil {
							x = g
						}
						out = append(out, x.Float64s()...)
					}
				})
				return out
			}
			want, got := run(torch.Attention), run(torch.ScaledDotProduct)
			for i := range want {
				if math.Abs(got[i]-want[i]) > 1e-5 {
					t.Fatalf("number %d is %v, want %v", i, got[i], want[i])
				}
			}
		})
	}
}

func TestWantOfMemoryIsKnownByItsText(t *testing.T) {
	for text, want := range map[string]bool{
		"CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.1 GiB": true,
		"[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory":         true,
		"CUDA error: device-side assert triggered":                                               false,
	} {
		if got := (&torch.Error{Op: "Linear", Text: text}).OutOfMemory(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

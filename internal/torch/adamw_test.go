package torch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// leaf is a parameter under AdamW, with the same state in float64 beside it.
type leaf struct {
	p, m, v *torch.Tensor
	decay   float64
	value   []float64
	m1, m2  []float64
}

func newLeaf(s *torch.Scope, rng *rand.Rand, d torch.DType, n int, decay float64) *leaf {
	l := &leaf{decay: decay, value: make([]float64, n), m1: make([]float64, n), m2: make([]float64, n)}
	for i := range l.value {
		l.value[i] = float64(float32(rng.NormFloat64()))
	}
	l.p = torch.From(s, l.value, n).To(d).Trainable()
	l.m, l.v = torch.Zeros(s, d, torch.CPU, n), torch.Zeros(s, d, torch.CPU, n)
	return l
}

// step is AdamW as PyTorch's documentation defines it.
func (l *leaf) step(g []float64, a torch.AdamW) {
	for i := range l.value {
		d := g[i] * a.GradientScale
		l.value[i] *= 1 - a.LR*l.decay
		l.m1[i] = a.Beta1*l.m1[i] + (1-a.Beta1)*d
		l.m2[i] = a.Beta2*l.m2[i] + (1-a.Beta2)*d*d
		mean := l.m1[i] / (1 - math.Pow(a.Beta1, float64(a.Step)))
		variance := l.m2[i] / (1 - math.Pow(a.Beta2, float64(a.Step)))
		l.value[i] -= a.LR * mean / (math.Sqrt(variance) + a.Eps)
	}
}

// give makes g the leaf's gradient: that of sum(g p).
func (l *leaf) give(g []float64) {
	torch.From(l.p.Scope(), g, len(g)).To(l.p.DType()).Mul(l.p).Sum().Backward()
}

func columns(leaves []*leaf) (p []*torch.Tensor, moments torch.Moments, decay []float64) {
	for _, l := range leaves {
		p, decay = append(p, l.p), append(decay, l.decay)
		moments.Mean, moments.Variance = append(moments.Mean, l.m), append(moments.Variance, l.v)
	}
	return p, moments, decay
}

func TestAdamWFollowsItsDefinition(t *testing.T) {
	for _, c := range []struct {
		name  string
		dtype torch.DType // float32 goes through the fused loop, float64 through libtorch's operations
		share float64
	}{
		{"fused loop", torch.Float32, 2e-6}, // a few roundings of 6e-8 a step
		{"by operations", torch.Float64, 1e-13},
	} {
		t.Run(c.name, func(t *testing.T) {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				rng := rand.New(rand.NewPCG(1, 2))
				leaves := []*leaf{
					newLeaf(s, rng, c.dtype, 33000, 0.2), // more than one stretch of the loop
					newLeaf(s, rng, c.dtype, 1, 0),
					newLeaf(s, rng, c.dtype, 7, 0.05),
					newLeaf(s, rng, c.dtype, 0, 0.2),
				}
				idle := newLeaf(s, rng, c.dtype, 3, 0.2) // no gradient reaches it
				p, moments, decay := columns(append(leaves, idle))
				for step := int64(1); step <= 6; step++ {
					a := torch.AdamW{LR: 1e-2 / float64(step), Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, GradientScale: 1 / float64(step),
						Step: step}
					for _, l := range leaves {
						g := make([]float64, len(l.value))
						for i := range g {
							g[i] = float64(float32(rng.NormFloat64() * 1e-3))
						}
						l.give(g)
						l.step(g, a)
					}
					torch.AdamWInPlace(p, moments, decay, a)
					torch.DropGradients(p)
				}
				for _, l := range append(leaves, idle) {
					shape := []int{len(l.value)}
					compare(t, "parameter", l.p, array{shape, l.value}, c.share)
					compare(t, "mean", l.m, array{shape, l.m1}, c.share)
					compare(t, "variance", l.v, array{shape, l.m2}, c.share)
				}
			})
		})
	}
}

// A table's gradient holds the rows of the batch alone. Rows that never had one cost only their decay; the numbers must
// be those of a step over the whole table, and the same bits with and without that shortcut.
func TestTablesMoveAsDenseParametersDo(t *testing.T) {
	const rows, width = 5000, 9
	batches := [][]int64{{7, 3, 7, 4999}, {0}, {3, 3, 3, 8, 600, 601}, {0, 1}}
	a := torch.AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, GradientScale: 0.5}
	run := func(marked bool) []float32 {
		var bits []float32
		torchtest.RunGrad(t, func(s *torch.Scope) {
			rng := rand.New(rand.NewPCG(5, 6))
			l := newLeaf(s, rng, torch.Float32, rows*width, 0.2)
			table := l.p.Detach().Reshape(rows, width).Trainable()
			moments := torch.Moments{Mean: []*torch.Tensor{l.m.Reshape(rows, width)},
				Variance: []*torch.Tensor{l.v.Reshape(rows, width)}, Touched: []*torch.Tensor{nil}}
			if marked {
				moments.Touched[0] = torch.Zeros(s, torch.Uint8, torch.CPU, rows)
			}
			for i, ids := range batches {
				a.Step = int64(i + 1)
				slope := make([]float64, len(ids)*width)
				gradient := make([]float64, rows*width)
				for j := range slope {
					slope[j] = float64(float32(rng.NormFloat64()))
					gradient[int(ids[j/width])*width+j%width] += slope[j]
				}
				table.Embedding(torch.From(s, ids, len(ids))).Mul(torch.From(s, slope, len(ids), width).To(torch.Float32)).Sum().Backward()
				compare(t, "gradient", table.Gradient(s), array{[]int{rows, width}, gradient}, 1e-6)
				torch.AdamWInPlace([]*torch.Tensor{table}, moments, []float64{0.2}, a)
				torch.DropGradients([]*torch.Tensor{table})
				l.step(gradient, a)
			}
			compare(t, "table", table, array{[]int{rows, width}, l.value}, 2e-6)
			bits = table.Float32s()
		})
		return bits
	}
	if marked, all := run(true), run(false); !slices.Equal(marked, all) {
		t.Error("the marks change the bits")
	}
}

// A run that must repeat to the byte may change its number of threads as far as our own loops go.
func TestNormAndStepHaveTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	run := func(threads int) (norm float64, values []float32) {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		torchtest.RunGrad(t, func(s *torch.Scope) {
			rng := rand.New(rand.NewPCG(3, 4))
			leaves := []*leaf{newLeaf(s, rng, torch.Float32, 100_003, 0.1), newLeaf(s, rng, torch.Float32, 1, 0)}
			var square float64
			for _, l := range leaves {
				g := make([]float64, len(l.value))
				for i := range g {
					g[i] = float64(float32(rng.NormFloat64()))
					square += g[i] * g[i]
				}
				l.give(g)
			}
			p, moments, decay := columns(leaves)
			norm = torch.GradientNorm(p)
			if want := math.Sqrt(square); math.Abs(norm-want) > 1e-12*want {
				t.Errorf("norm %v, want %v", norm, want)
			}
			torch.AdamWInPlace(p, moments, decay, torch.AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, GradientScale: 0.5, Step: 1})
			torch.DropGradients(p)
			values = leaves[0].p.Float32s()
		})
		return norm, values
	}
	one, first := run(1)
	two, second := run(2)
	if one != two {
		t.Errorf("norm %v with one thread, %v with two", one, two)
	}
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("parameter %d: %v with one thread, %v with two", i, first[i], second[i])
		}
	}
}

func TestSetThreadsReachesTheThreadThatComputes(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, n := range []int{2, 1, 3} {
		if err := torch.SetThreads(n); err != nil {
			t.Fatal(err)
		}
		if info, err := torch.Probe(); err != nil || info.Threads != n {
			t.Errorf("%d threads after SetThreads(%d), %v", info.Threads, n, err)
		}
	}
}

func TestStepsLeaveNoHandles(t *testing.T) {
	torchtest.Need(t)
	params := torch.NewScope()
	defer params.Free()
	var w *torch.Tensor
	torchtest.Need(t)
	var counts []int64
	for range 5 {
		err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
			if w == nil {
				w = torch.From(params, []float32{1, 2, 3}, 3).Trainable()
				params.Seal()
			}
			w.In(s).Mul(w).Sum().Backward()
			torch.GradientNorm([]*torch.Tensor{w})
			_ = w.Float32s() // a parameter's numbers can be read where it lies
			torch.DropGradients([]*torch.Tensor{w})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, torch.Live())
	}
	for _, n := range counts {
		if n != counts[0] {
			t.Fatalf("live handles after each step: %v", counts)
		}
	}
}

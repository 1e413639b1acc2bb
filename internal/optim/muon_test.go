package optim

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// block is a set with the parameters of one transformer block: matrices [18, 6], [6, 6], [9, 6] and [6, 9], and vectors.
func block(t *testing.T) *nn.Params {
	return blocks(t, nn.Shape{Width: 6, Layers: 1, Heads: 2, MLPWidth: 9})
}

func blocks(t *testing.T, shape nn.Shape) *nn.Params {
	t.Helper()
	torchtest.Need(t)
	p := nn.NewParams()
	shape.Start = nn.Start{AttnIn: nn.Normal(1), AttnBias: nn.Normal(1), AttnOut: nn.Normal(1), AttnOutBias: nn.Normal(1), Up: nn.Normal(1),
		UpBias: nn.Normal(1), Down: nn.Normal(1), DownBias: nn.Normal(1)}
	nn.NewTransformer(p.Root(), shape)
	t.Cleanup(p.Free)
	do(t, func(*torch.Scope) { p.Fill(1, torch.CPU) })
	return p
}

func muon() Config {
	return Config{Opt: OptMuon, LR: 0.02, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WD: 0.2, GradClipNorm: 1}
}

func TestMuonMakesTheStepsOfPyTorch(t *testing.T) {
	want := golden.Tensors(t, filepath.Join(golden.Own(t, "muon"), "steps.safetensors"))
	p := block(t)
	var o *AdamW
	do(t, func(*torch.Scope) { o = New(p.All(), muon()) })
	defer o.Free()
	reference := func(q *nn.Param, part string) []float32 {
		return want[q.Name[strings.Index(q.Name, "0.")+2:]+part].F32
	}
	matrices := 0
	do(t, func(s *torch.Scope) {
		for _, q := range p.All() {
			if q.Maps() > 0 {
				matrices++
				q.Tensor().CopyInPlace(torch.From(s, reference(q, ".start"), q.Shape...))
			}
		}
	})
	if matrices != 4 {
		t.Fatalf("%d matrices of a block, want 4", matrices)
	}
	for step := range 5 {
		do(t, func(s *torch.Scope) {
			for _, q := range p.All() {
				if q.Maps() > 0 {
					g := reference(q, ".gradients")[step*q.Len() : (step+1)*q.Len()]
					torch.From(s, g, q.Shape...).Mul(q.In(s)).Sum().Backward()
				}
			}
			if err := o.Step(0.02, o.GradNorm()); err != nil {
				t.Error(err)
			}
			o.DropGradients()
			for _, q := range p.All() {
				if q.Maps() == 0 {
					continue
				}
				most, got := 0., q.Tensor().Float32s()
				for i, want := range reference(q, ".after")[step*q.Len() : (step+1)*q.Len()] {
					most = max(most, math.Abs(float64(got[i]-want)))
				}
				if !(most <= 1e-5) {
					t.Errorf("step %d: %s is up to %g from PyTorch's", step, q.Name, most)
				}
			}
		})
	}
}

// Everything but the matrices of blocks moves as under AdamW, to the bit, and the matrices don't.
func TestMuonLeavesTheRestToAdamW(t *testing.T) {
	after := func(name string) map[string][]byte {
		p := block(t)
		c := muon()
		c.Opt, c.GradClipNorm = name, 0 // each gradient is then the parameter's own
		out := map[string][]byte{}
		do(t, func(s *torch.Scope) {
			o := New(p.All(), c)
			defer o.Free()
			for range 2 {
				pull(s, p, 1)
				if err := o.Step(0.02, o.GradNorm()); err != nil {
					t.Error(err)
				}
				o.DropGradients()
			}
			for _, q := range p.All() {
				out[q.Name] = q.Tensor().Bytes()
			}
		})
		return out
	}
	adamw, other := after(OptAdamW), after(OptMuon)
	for _, q := range block(t).All() {
		if same := bytes.Equal(adamw[q.Name], other[q.Name]); same == (q.Maps() > 0) {
			t.Errorf("%s, of %d maps: equal under both is %v", q.Name, q.Maps(), same)
		}
	}
}

// A zero gradient has no direction: the matrix only decays.
func TestMuonOfAZeroGradientIsDecay(t *testing.T) {
	p := block(t)
	do(t, func(s *torch.Scope) {
		o := New(p.All(), muon())
		defer o.Free()
		q := p.All()[2]
		before := q.Tensor().Float32s()
		q.In(s).Sum().Scale(0).Backward()
		if err := o.Step(0.02, 0); err != nil {
			t.Error(err)
		}
		for i, v := range q.Tensor().Float32s() {
			if want := before[i] * (1 - 0.02*0.2); q.Maps() != 3 || !(math.Abs(float64(v-want)) < 1e-6) {
				t.Errorf("%s[%d], of %d maps: %v, want %v", q.Name, i, q.Maps(), v, want)
			}
		}
	})
}

// Each matrix is orthogonalized by itself, whatever its shape: x x^T may be followed instead of x, and matrices may lie on their side.
func TestMuonOfManyShapes(t *testing.T) {
	for _, shape := range [][3]int{{1, 5, 5}, {3, 6, 8}, {2, 8, 6}, {2, 5, 10}, {3, 5, 11}, {2, 40, 6}, {1, 1, 9}, {1, 9, 1}, {2, 1, 1}} {
		maps, rows, cols := shape[0], shape[1], shape[2]
		tolerance := 1e-4
		if rows == 40 { // rows from 1 to 2^-39: up to 9e-4 with 100 seeds and the kernels of four CPUs
			tolerance = 2e-3
		}
		rng := rand.New(rand.NewPCG(1, uint64(rows)))
		x := make([]float32, maps*rows*cols)
		for i := range x { // of many sizes, so with singular values of many sizes
			x[i] = float32(rng.NormFloat64() * math.Exp2(-float64(i/cols%rows)))
		}
		do(t, func(s *torch.Scope) {
			got := orthogonalized(torch.From(s, x, maps, rows, cols)).Float32s()
			for k := range maps {
				from, to := k*rows*cols, (k+1)*rows*cols
				for i, want := range plainSteps(x[from:to], rows) {
					if diff := math.Abs(float64(got[from+i]) - want); !(diff <= tolerance) {
						t.Errorf("%v: element %d of matrix %d is %v, want %v", shape, i, k, got[from+i], want)
					}
				}
			}
		})
	}
}

// plainSteps are five Newton-Schulz steps of a matrix [rows, n / rows] as they are written: x = a x + b (x x^T) x + c (x x^T)^2 x.
func plainSteps(from []float32, rows int) []float64 {
	cols, norm := len(from)/rows, 0.
	for _, v := range from {
		norm += float64(v) * float64(v)
	}
	x := make([]float64, len(from))
	for i, v := range from {
		x[i] = float64(v) / math.Sqrt(norm)
	}
	cube := func(y []float64) []float64 { // x x^T y
		out := make([]float64, len(x))
		for i := range rows {
			for j := range rows {
				dot := 0.
				for k := range cols {
					dot += x[i*cols+k] * x[j*cols+k]
				}
				for k := range cols {
					out[i*cols+k] += dot * y[j*cols+k]
				}
			}
		}
		return out
	}
	for range 5 {
		third := cube(x)
		fifth := cube(third)
		for i := range x {
			x[i] = 3.4445*x[i] - 4.7750*third[i] + 2.0315*fifth[i]
		}
	}
	return x
}

// The threads divide the parameters among themselves, and none of them sees it.
func TestMuonHasTheSameBitsWithAnyNumberOfThreads(t *testing.T) {
	torchtest.Need(t)
	defer func(n int) { _ = torch.SetThreads(n) }(torch.Threads())
	steps := func(threads, from, to int) (out [][]byte) {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		p := blocks(t, nn.Shape{Width: 96, Layers: 2, Heads: 2, MLPWidth: 384})
		do(t, func(s *torch.Scope) {
			o := New(p.All()[from:to], muon())
			defer o.Free()
			live := torch.Live()
			for range 2 {
				s.Within(func(s *torch.Scope) { pull(s, p, 1) })
				if err := o.Step(0.02, 1); err != nil {
					t.Error(err)
				}
				torch.DropGradients(p.Tensors())
			}
			if n := torch.Live(); n != live {
				t.Errorf("%d threads: two steps leave %d tensors", threads, n-live)
			}
			for _, q := range p.Tensors()[from:to] {
				out = append(out, q.Bytes())
			}
		})
		return out
	}
	const all, first = 24, 2 // parameters of two blocks, the first matrix
	one := steps(1, 0, all)
	for _, threads := range []int{2, 3} {
		for i, b := range steps(threads, 0, all) {
			if !bytes.Equal(b, one[i]) {
				t.Errorf("%d threads: parameter %d isn't that of one thread", threads, i)
			}
		}
		if !bytes.Equal(steps(threads, first, first+1)[0], one[first]) {
			t.Errorf("%d threads: a single matrix isn't that of one thread", threads)
		}
	}
}

package torch_test

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// array is what the oracles compute with: plain loops over float64.
type array struct {
	shape []int
	v     []float64
}

// build fills an array from a function of its indices.
func build(shape []int, f func(i []int) float64) array {
	a := array{shape: shape, v: make([]float64, product(shape))}
	i := make([]int, len(shape))
	for n := range a.v {
		for d, rest := len(shape)-1, n; d >= 0; d-- {
			i[d], rest = rest%shape[d], rest/shape[d]
		}
		a.v[n] = f(i)
	}
	return a
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// at reads an element; indices in front of the array's own are dropped and sizes of 1 repeat, as in broadcasting.
func (a array) at(i ...int) float64 {
	i = i[len(i)-len(a.shape):]
	n := 0
	for d, size := range a.shape {
		n *= size
		if size > 1 {
			n += i[d]
		}
	}
	return a.v[n]
}

// each applies f to every element.
func (a array) each(f func(float64) float64) array {
	return build(a.shape, func(i []int) float64 { return f(a.at(i...)) })
}

func scalarOf(v float64) array { return array{v: []float64{v}} }

func sum(n int, f func(k int) float64) float64 {
	var s float64
	for k := range n {
		s += f(k)
	}
	return s
}

// opCase is one operation on random operands with its oracle.
type opCase struct {
	name   string
	shapes [][]int // of the operands
	op     func(x []*torch.Tensor) *torch.Tensor
	want   func(x []array) array
}

// precision is a type to compute in and how far, in shares of the largest value, the result may be from the oracle's on
// the same rounded operands.
type precision struct {
	name  string
	dtype torch.DType
	share float64
	round func(float64) float64
}

var precisions = []precision{
	{"float64", torch.Float64, 1e-13, func(v float64) float64 { return v }},
	// 2^-24 for a rounding, and up to some 50 of them in a sum.
	{"float32", torch.Float32, 3e-6, func(v float64) float64 { return float64(float32(v)) }},
	// 2^-9 for a rounding; sums are kept in float32, but each of up to four operations in a row rounds its result.
	{"bfloat16", torch.BFloat16, 1.0 / 128, roundBF16},
}

func roundBF16(v float64) float64 {
	bits := math.Float32bits(float32(v))
	bits += 0x7fff + bits>>16&1
	return float64(math.Float32frombits(bits &^ 0xffff))
}

// random draws operands that depend on the case's name alone.
func (c opCase) random() []array {
	h := fnv.New64a()
	h.Write([]byte(c.name))
	rng := rand.New(rand.NewPCG(1, h.Sum64()))
	var out []array
	for _, shape := range c.shapes {
		out = append(out, build(shape, func([]int) float64 { return rng.NormFloat64() }))
	}
	return out
}

func tensors(s *torch.Scope, in []array, d torch.DType) []*torch.Tensor {
	var out []*torch.Tensor
	for _, a := range in {
		out = append(out, torch.From(s, a.v, a.shape...).To(d))
	}
	return out
}

// checkValues compares an operation with its oracle in each precision.
func (c opCase) checkValues(t *testing.T) {
	for _, p := range precisions {
		in := c.random()
		for _, a := range in {
			for i := range a.v {
				a.v[i] = p.round(a.v[i])
			}
		}
		want := c.want(in)
		torchtest.Run(t, func(s *torch.Scope) {
			y := c.op(tensors(s, in, p.dtype))
			if y.DType() != p.dtype {
				t.Errorf("%s: the result is of type %d", p.name, y.DType())
			}
			compare(t, p.name, y, want, p.share)
		})
	}
}

// checkGradients compares the gradients of sum(g y), for a random g, with central differences of the oracle.
func (c opCase) checkGradients(t *testing.T) {
	in := c.random()
	g := opCase{name: c.name + " gradient", shapes: [][]int{c.want(in).shape}}.random()[0]
	torchtest.RunGrad(t, func(s *torch.Scope) {
		x := tensors(s, in, torch.Float64)
		for _, leaf := range x {
			leaf.Trainable()
		}
		c.op(x).BackwardFrom(torch.From(s, g.v, g.shape...))
		for k, leaf := range x {
			// The step leaves an error of about 1e-10; values are of order 1.
			compare(t, "gradient", leaf.Gradient(s), c.differences(in, k, g), 1e-7)
		}
		torch.DropGradients(x)
	})
}

// differences is the derivative of sum(g want(in)) by each element of operand k.
func (c opCase) differences(in []array, k int, g array) array {
	const h = 1e-5
	loss := func() float64 {
		y := c.want(in)
		return sum(len(y.v), func(i int) float64 { return g.v[i] * y.v[i] })
	}
	out := array{shape: in[k].shape, v: make([]float64, len(in[k].v))}
	for i, v := range in[k].v {
		in[k].v[i] = v + h
		up := loss()
		in[k].v[i] = v - h
		out.v[i] = (up - loss()) / (2 * h)
		in[k].v[i] = v
	}
	return out
}

func compare(t *testing.T, what string, got *torch.Tensor, want array, share float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: nothing arrived", what)
		return
	}
	if shape := got.Shape(); !equalShapes(shape, want.shape) {
		t.Errorf("%s: shape %v, want %v", what, shape, want.shape)
		return
	}
	var largest float64
	for _, w := range want.v {
		largest = max(largest, math.Abs(w))
	}
	for i, v := range got.Float64s() {
		w := want.v[i]
		if v != w && !(math.Abs(v-w) <= share*max(largest, 1e-3)) && !(math.IsNaN(v) && math.IsNaN(w)) {
			t.Errorf("%s: element %d is %g, want %g (off by %.2g)", what, i, v, w, math.Abs(v-w))
			return
		}
	}
}

func equalShapes(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// checkAll runs a table of operations.
func checkAll(t *testing.T, cases []opCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.checkValues(t)
			c.checkGradients(t)
		})
	}
}

package torch_test

import (
	"math"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

func TestElementwiseOpsMatchPlainLoops(t *testing.T) {
	var cases []opCase
	for _, op := range []struct {
		name string
		op   func(x *torch.Tensor) *torch.Tensor
		f    func(v float64) float64
	}{
		{"Scale", func(x *torch.Tensor) *torch.Tensor { return x.Scale(-2.5) }, func(v float64) float64 { return -2.5 * v }},
		{"AddScalar", func(x *torch.Tensor) *torch.Tensor { return x.AddScalar(0.25) }, func(v float64) float64 { return v + 0.25 }},
		{"ClampMin", func(x *torch.Tensor) *torch.Tensor { return x.ClampMin(0.125) }, func(v float64) float64 { return max(v, 0.125) }},
		{"Clamp", func(x *torch.Tensor) *torch.Tensor { return x.Clamp(-0.3, 0.7) },
			func(v float64) float64 { return min(max(v, -0.3), 0.7) }},
		{"Exp", (*torch.Tensor).Exp, math.Exp},
		{"Sigmoid", (*torch.Tensor).Sigmoid, sigmoid},
		{"LogSigmoid", (*torch.Tensor).LogSigmoid, func(v float64) float64 { return -math.Log1p(math.Exp(-v)) }},
		{"GELU", (*torch.Tensor).GELU, func(v float64) float64 { return v * (1 + math.Erf(v/math.Sqrt2)) / 2 }},
		{"GELUTanh", (*torch.Tensor).GELUTanh, func(v float64) float64 {
			return v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) / 2
		}},
		{"QuickGELU", (*torch.Tensor).QuickGELU, func(v float64) float64 { return v * sigmoid(1.702*v) }},
		{"Contiguous", (*torch.Tensor).Contiguous, func(v float64) float64 { return v }},
		{"OnDevice", func(x *torch.Tensor) *torch.Tensor { return x.OnDevice(torch.CPU) }, func(v float64) float64 { return v }},
	} {
		for what, shape := range map[string][]int{"matrix": {3, 5}, "vector": {1}, "scalar": {}, "empty": {0, 3}, "long": {100}} {
			cases = append(cases, opCase{op.name + "/" + what, [][]int{shape},
				func(x []*torch.Tensor) *torch.Tensor { return op.op(x[0]) },
				func(x []array) array { return x[0].each(op.f) }})
		}
	}
	checkAll(t, cases)
}

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

func TestBinaryOpsBroadcast(t *testing.T) {
	var cases []opCase
	for _, op := range []struct {
		name string
		op   func(t, u *torch.Tensor) *torch.Tensor
		f    func(v, w float64) float64
	}{
		{"Add", (*torch.Tensor).Add, func(v, w float64) float64 { return v + w }},
		{"Sub", (*torch.Tensor).Sub, func(v, w float64) float64 { return v - w }},
		{"Mul", (*torch.Tensor).Mul, func(v, w float64) float64 { return v * w }},
		{"Minimum", (*torch.Tensor).Minimum, func(v, w float64) float64 { return min(v, w) }},
		{"Maximum", (*torch.Tensor).Maximum, func(v, w float64) float64 { return max(v, w) }},
		// The divisor is kept from 0, where neither differences nor bfloat16 say anything.
		{"Div", func(t, u *torch.Tensor) *torch.Tensor { return t.Div(u.Exp()) }, func(v, w float64) float64 { return v / math.Exp(w) }},
	} {
		for what, shapes := range map[string][3][]int{ // operands, result
			"same": {{3, 5}, {3, 5}, {3, 5}}, "row": {{3, 5}, {5}, {3, 5}}, "column": {{3, 1}, {5}, {3, 5}},
			"scalar": {{}, {2, 3}, {2, 3}}, "one": {{1}, {1}, {1}}, "empty": {{0, 3}, {1, 3}, {0, 3}},
		} {
			cases = append(cases, opCase{op.name + "/" + what, shapes[:2],
				func(x []*torch.Tensor) *torch.Tensor { return op.op(x[0], x[1]) },
				func(x []array) array {
					return build(shapes[2], func(i []int) float64 { return op.f(x[0].at(i...), x[1].at(i...)) })
				}})
		}
	}
	checkAll(t, cases)
}

func TestReductionsMatchPlainLoops(t *testing.T) {
	total := func(a array) float64 { return sum(len(a.v), func(k int) float64 { return a.v[k] }) }
	var cases []opCase
	for what, shape := range map[string][]int{"matrix": {3, 5}, "one": {1}, "scalar": {}, "empty": {0, 3}} {
		cases = append(cases,
			opCase{"Sum/" + what, [][]int{shape}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Sum() },
				func(x []array) array { return scalarOf(total(x[0])) }},
			opCase{"Mean/" + what, [][]int{shape}, func(x []*torch.Tensor) *torch.Tensor { return x[0].Mean() },
				func(x []array) array { return scalarOf(total(x[0]) / float64(len(x[0].v))) }})
	}
	for _, shape := range [][]int{{2, 3, 4}, {2, 1, 4}, {0, 3, 4}} {
		cases = append(cases, opCase{"MeanAlong", [][]int{shape}, func(x []*torch.Tensor) *torch.Tensor { return x[0].MeanAlong(1) },
			func(x []array) array {
				return build([]int{shape[0], shape[2]}, func(i []int) float64 {
					return sum(shape[1], func(k int) float64 { return x[0].at(i[0], k, i[1]) }) / float64(shape[1])
				})
			}})
	}
	checkAll(t, cases)
}

func TestRowOpsMatchPlainLoops(t *testing.T) {
	norm := func(a array, i []int) float64 {
		return math.Sqrt(sum(a.shape[1], func(k int) float64 { return a.at(i[0], k) * a.at(i[0], k) }))
	}
	exps := func(a array, i []int) float64 {
		return sum(a.shape[1], func(k int) float64 { return math.Exp(a.at(i[0], k)) })
	}
	columns := func(a array, i []int) float64 {
		return sum(a.shape[0], func(k int) float64 { return math.Exp(a.at(k, i[1])) })
	}
	var cases []opCase
	for what, shape := range map[string][]int{"rows": {3, 7}, "row": {1, 5}, "one": {1, 1}, "empty": {0, 3}} {
		row := func(name string, op func(x *torch.Tensor) *torch.Tensor, f func(a array, i []int) float64) {
			cases = append(cases, opCase{name + "/" + what, [][]int{shape},
				func(x []*torch.Tensor) *torch.Tensor { return op(x[0]) },
				func(x []array) array { return build(shape, func(i []int) float64 { return f(x[0], i) }) }})
		}
		row("Unit", (*torch.Tensor).Unit, func(a array, i []int) float64 { return a.at(i...) / norm(a, i) })
		row("Softmax", func(x *torch.Tensor) *torch.Tensor { return x.Softmax(-1) },
			func(a array, i []int) float64 { return math.Exp(a.at(i...)) / exps(a, i) })
		row("SoftmaxOfColumns", func(x *torch.Tensor) *torch.Tensor { return x.Softmax(0) },
			func(a array, i []int) float64 { return math.Exp(a.at(i...)) / columns(a, i) })
		row("LogSoftmax", func(x *torch.Tensor) *torch.Tensor { return x.LogSoftmax(1) },
			func(a array, i []int) float64 { return a.at(i...) - math.Log(exps(a, i)) })
	}
	checkAll(t, cases)
}

func TestMatmulMatchesPlainLoops(t *testing.T) {
	var cases []opCase
	for what, shapes := range map[string][3][]int{
		"matrices": {{3, 4}, {4, 5}, {3, 5}}, "batch": {{2, 3, 4}, {2, 4, 5}, {2, 3, 5}}, "broadcast": {{2, 3, 4}, {4, 5}, {2, 3, 5}},
		"one": {{1, 1}, {1, 1}, {1, 1}}, "empty": {{0, 4}, {4, 5}, {0, 5}}, "nothing to add": {{2, 0}, {0, 3}, {2, 3}},
	} {
		inner := shapes[0][len(shapes[0])-1]
		cases = append(cases, opCase{what, shapes[:2], func(x []*torch.Tensor) *torch.Tensor { return x[0].Matmul(x[1]) },
			func(x []array) array {
				return build(shapes[2], func(i []int) float64 {
					last := len(i) - 1
					return sum(inner, func(k int) float64 {
						left := append(append([]int{}, i[:last]...), k)
						right := append(append([]int{}, i[:last-1]...), k, i[last])
						return x[0].at(left...) * x[1].at(right...)
					})
				})
			}})
	}
	checkAll(t, cases)
}

func TestAddProductsMatchesPlainLoops(t *testing.T) {
	var cases []opCase
	for what, n := range map[string][4]int{
		"batch": {3, 2, 4, 5}, "one matrix": {1, 5, 3, 2}, "no matrices": {0, 2, 2, 2}, "nothing to add": {2, 3, 0, 2},
	} {
		shapes := [][]int{{n[0], n[1], n[3]}, {n[0], n[1], n[2]}, {n[0], n[2], n[3]}}
		cases = append(cases, opCase{what, shapes,
			func(x []*torch.Tensor) *torch.Tensor { return x[0].AddProducts(2, x[1], x[2], -0.25) },
			func(x []array) array {
				return build(shapes[0], func(i []int) float64 {
					product := sum(n[2], func(k int) float64 { return x[1].at(i[0], i[1], k) * x[2].at(i[0], k, i[2]) })
					return 2*x[0].at(i...) - product/4
				})
			}})
	}
	checkAll(t, cases)
}

// What overflows when computed as it is written.
func TestStableOpsStayFinite(t *testing.T) {
	inScope(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{-1000, 0, 1000}, 1, 3)
		compare(t, "LogSigmoid", x.LogSigmoid(), array{[]int{1, 3}, []float64{-1000, -math.Ln2, 0}}, 1e-6)
		compare(t, "LogSoftmax", x.LogSoftmax(-1), array{[]int{1, 3}, []float64{-2000, -1000, 0}}, 1e-6)
		compare(t, "Softmax", x.Softmax(-1), array{[]int{1, 3}, []float64{0, 0, 1}}, 0)
		compare(t, "Unit of zeros", x.Scale(0).Unit(), array{[]int{1, 3}, []float64{0, 0, 0}}, 0)
	})
}

func TestArgmaxIsTheIndexOfTheLargest(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		x := torch.From(s, []float32{1, 3, 2, -1, -5, -2}, 2, 3)
		if got := x.Argmax(1).Float64s(); !slices.Equal(got, []float64{1, 0}) {
			t.Errorf("along rows %v", got)
		}
		if got := x.Argmax(0).Float64s(); !slices.Equal(got, []float64{0, 0, 0}) {
			t.Errorf("along columns %v", got)
		}
		if got := x.Narrow(0, 0, 0).Argmax(1).Float64s(); len(got) != 0 {
			t.Errorf("of nothing %v", got)
		}
	})
}

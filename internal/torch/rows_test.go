package torch_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// rowCase is an operation on a batch: rows of so many elements, beside what is the same for all of them.
type rowCase struct {
	name  string
	shape []int // of one row of the batch
	op    func(x *torch.Tensor) *torch.Tensor
}

var someNormals = sync.OnceValue(func() []float32 { return normals(rand.New(rand.NewPCG(3, 3)), 1025*801) })

// rowCases are the layers of a model, with sizes on both sides of what a vector, a tile, a panel and a block hold.
func rowCases() []rowCase {
	cases := []rowCase{
		{"GELU", []int{3, 37}, func(x *torch.Tensor) *torch.Tensor { return x.GELU() }},
		{"GELU by tanh", []int{129}, func(x *torch.Tensor) *torch.Tensor { return x.GELUTanh() }},
		{"quick GELU", []int{50, 13}, func(x *torch.Tensor) *torch.Tensor { return x.QuickGELU() }},
		{"LayerNorm", []int{5, 37}, func(x *torch.Tensor) *torch.Tensor {
			return x.LayerNorm(fixed(x, 37), fixed(x, 37), 1e-5)
		}},
		{"mean", []int{7, 19}, func(x *torch.Tensor) *torch.Tensor { return x.MeanAlong(1) }},
		{"unit", []int{133}, func(x *torch.Tensor) *torch.Tensor { return x.Unit() }},
	}
	for _, k := range []int{1, 6, 255, 256, 600, 1025} {
		for _, n := range []int{1, 5, 32, 100, 801} {
			cases = append(cases,
				rowCase{fmt.Sprintf("linear %d to %d", k, n), []int{k}, func(x *torch.Tensor) *torch.Tensor {
					return x.Linear(fixed(x, n, k), fixed(x, n))
				}},
				rowCase{fmt.Sprintf("product [%d, %d]", k, n), []int{k}, func(x *torch.Tensor) *torch.Tensor {
					return x.Matmul(fixed(x, k, n))
				}})
		}
	}
	for _, width := range []int{3, 16, 24, 37} {
		cases = append(cases,
			rowCase{fmt.Sprintf("self-attention, heads of %d", width), []int{9, 6 * width}, func(x *torch.Tensor) *torch.Tensor {
				return x.SelfAttention(2, torch.CausalMask(x.Scope(), x.DType(), torch.CPU, 9))
			}},
			rowCase{fmt.Sprintf("one query, heads of %d", width), []int{2, 9, width}, func(x *torch.Tensor) *torch.Tensor {
				return torch.Attention(fixed(x, 1, 2, 1, width), x, x.Scale(0.5), nil)
			}})
	}
	return cases
}

// fixed is the same for each batch and, after rounding to bfloat16, for each type.
func fixed(x *torch.Tensor, shape ...int) *torch.Tensor {
	return torch.From(x.Scope(), someNormals()[:product(shape)], shape...).To(torch.BFloat16).To(x.DType())
}

// TestRowsStandAlone: in DoRows each row of a result has the same bytes alone, in a part of the batch and in all of it, on any
// number of threads; and the result is Do's in float64, rounded.
func TestRowsStandAlone(t *testing.T) {
	torchtest.Need(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, p := range precisions[1:] {
		for _, c := range rowCases() {
			if c.name == "unit" && p.dtype != torch.Float32 || c.name == "LayerNorm" && p.dtype != torch.Float32 {
				continue // made in float32 only
			}
			t.Run(p.name+"/"+c.name, func(t *testing.T) {
				const n = 31
				x := normals(rand.New(rand.NewPCG(1, 2)), n*product(c.shape))
				whole := c.rows(t, p.dtype, x, n, n, 1)
				for _, threads := range []int{1, 2, 5} {
					for _, part := range []int{1, 3, 14, n} {
						if !torch.RowsExact(p.dtype) {
							continue // near says how far they may be from each other
						}
						if got := c.rows(t, p.dtype, x, n, part, threads); !bytes.Equal(got, whole) {
							t.Errorf("%d at a time on %d threads: not the bytes of all at once on one", part, threads)
						}
					}
				}
				c.near(t, p, x, n)
			})
		}
	}
}

// rows computes a batch of n rows so many at a time.
func (c rowCase) rows(t *testing.T, d torch.DType, x []float32, n, part, threads int) (out []byte) {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	width := len(x) / n
	for rows := range slices.Chunk(x, part*width) {
		err := torch.DoRows(t.Context(), func(s *torch.Scope) error {
			shape := append([]int{len(rows) / width}, c.shape...)
			out = append(out, c.op(torch.From(s, rows, shape...).To(d)).Bytes()...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// near compares DoRows with Do in float64.
func (c rowCase) near(t *testing.T, p precision, x []float32, n int) {
	t.Helper()
	compute := func(d torch.DType, do func(context.Context, func(*torch.Scope) error) error) (out []float64) {
		err := do(t.Context(), func(s *torch.Scope) error {
			y := c.op(torch.From(s, x, append([]int{n}, c.shape...)...).To(torch.BFloat16).To(d))
			out = y.To(torch.Float64).Float64s()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got, want := compute(p.dtype, torch.DoRows), compute(torch.Float64, torch.Do)
	var largest, far float64
	for i, v := range want {
		largest, far = max(largest, math.Abs(v)), max(far, math.Abs(got[i]-v))
	}
	if !(far <= p.share*largest) {
		t.Errorf("%g from float64, of %g", far, largest)
	}
}

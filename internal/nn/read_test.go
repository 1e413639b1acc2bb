package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// reading is a stack, its input, and what is read of its output.
type reading struct {
	params *Params
	stack  *Transformer
	rows   []int64 // nil: the first token of each sequence
}

const readBatch, readLength, readWidth = 3, 5, 8

func newReading(rows []int64) reading {
	normal, gamma, p := Normal(0.3), 0.5, NewParams()
	start := Start{AttnIn: normal, AttnOut: normal, Up: normal, Down: normal,
		AttnBias: normal, AttnOutBias: normal, UpBias: normal, DownBias: normal}
	stack := NewTransformer(p.Root(), Shape{Width: readWidth, Layers: 2, Heads: 2, MLPWidth: 12, Activation: GELU, LayerScale: &gamma,
		Start: start})
	return reading{p, stack, rows}
}

// forward gives the token of each sequence: [B, D]. With See, all tokens are computed.
func (r reading) forward(s *torch.Scope, mode Mode) *torch.Tensor {
	random, numbers := rand.New(rand.NewPCG(1, 2)), make([]float32, readBatch*readLength*readWidth)
	for i := range numbers {
		numbers[i] = float32(random.NormFloat64())
	}
	x := torch.From(s, numbers, readBatch, readLength, readWidth).To(mode.Type())
	if r.rows == nil {
		return r.stack.ForwardRead(x, nil, Read{}, mode)
	}
	causal := torch.CausalMask(s, mode.Type(), torch.CPU, readLength)
	read := Read{Row: torch.From(s, r.rows, readBatch)}
	var hidden []float32
	for b, row := range r.rows {
		for j := range readLength {
			v := float32(0)
			if b*readLength+j > int(row) {
				v = float32(math.Inf(-1))
			}
			hidden = append(hidden, v)
		}
	}
	read.Mask = torch.From(s, hidden, readBatch, readLength).To(mode.Type())
	return r.stack.ForwardRead(x, causal, read, mode)
}

var everyToken = func(string, *torch.Tensor) {}

// The last block of one token gives that token of the last block of all, and the same gradients of all parameters.
func TestTheTokenThatIsReadIsThatOfAll(t *testing.T) {
	for name, rows := range map[string][]int64{"first": nil, "ends": {2, 5, 14}} {
		for _, recompute := range []bool{false, true} {
			r := newReading(rows)
			torchtest.RunGrad(t, func(s *torch.Scope) {
				defer r.params.Free()
				r.params.Fill(3, torch.CPU)
				gradients := func(mode Mode) (out [][]float64) {
					y := r.forward(s, mode)
					y.Mul(y).Sum().Backward()
					out = append(out, y.Float64s())
					for _, q := range r.params.All() {
						out = append(out, q.Tensor().Gradient(s).Float64s())
					}
					torch.DropGradients(r.params.Tensors())
					return out
				}
				one, all := gradients(Mode{Recompute: recompute}), gradients(Mode{See: everyToken})
				for i, want := range all {
					// Sums of up to 15 rows in float32, in another order.
					if off, most := farthest(one[i], want); off > 1e-5*most {
						t.Errorf("%s, recompute %t: tensor %d is off by %g of %g", name, recompute, i, off, most)
					}
				}
			})
		}
	}
}

func farthest(a, b []float64) (off, most float64) {
	for i, v := range b {
		off, most = max(off, math.Abs(a[i]-v)), max(most, math.Abs(v))
	}
	return off, most
}

// When a model embeds, the bits are those of all tokens too: what looks at the layers sees the features that others get.
func TestTheTokenThatIsReadHasTheSameBits(t *testing.T) {
	for _, d := range []torch.DType{torch.Float32, torch.BFloat16} {
		for _, rows := range [][]int64{nil, {2, 5, 14}} {
			r := newReading(rows)
			torchtest.Need(t)
			err := torch.DoRows(t.Context(), func(s *torch.Scope) error {
				if r.params.Fill(3, torch.CPU); !torch.RowsExact(d) {
					return nil
				}
				one, all := r.forward(s, Mode{DType: d}).Bytes(), r.forward(s, Mode{DType: d, See: everyToken}).Contiguous().Bytes()
				if !slices.Equal(one, all) {
					t.Errorf("type %d, rows %v: other bits", d, rows)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			r.params.Free()
		}
	}
}

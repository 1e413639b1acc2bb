package torch_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// In bfloat16 only what goes in and what comes out is rounded: the result and its gradient are those in float32, rounded.
func TestSelfAttentionInBFloat16RoundsOnceAtItsEnds(t *testing.T) {
	later := func(from, to int) bool { return to > from }
	for _, c := range []struct {
		l, heads, width int
		hidden          func(from, to int) bool
	}{{1, 2, 3, nil}, {5, 2, 20, later}, {50, 3, 64, nil}, {17, 1, 32, later}} {
		attend := func(d torch.DType) (out []byte) {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				rng := rand.New(rand.NewPCG(13, uint64(c.l)))
				draw := func(width int) *torch.Tensor {
					return torch.From(s, normals(rng, 2*c.l*width), 2, c.l, width).To(torch.BFloat16).To(d)
				}
				x := draw(3 * c.heads * c.width).Trainable()
				y := x.SelfAttention(c.heads, maskOf(x, c.l, c.hidden))
				y.BackwardFrom(draw(c.heads * c.width))
				out = append(y.To(torch.BFloat16).Bytes(), x.Gradient(s).To(torch.BFloat16).Bytes()...)
			})
			return out
		}
		if !bytes.Equal(attend(torch.BFloat16), attend(torch.Float32)) {
			t.Errorf("%+v: not the rounded result of float32", c)
		}
	}
}

// One query has the bits that it has among all.
func TestOneQueryIsARowOfSelfAttention(t *testing.T) {
	const b, l, heads, row = 3, 19, 2, 7
	for _, d := range []torch.DType{torch.Float32, torch.BFloat16} {
		for _, width := range []int{5, 16, 64} {
			torchtest.Run(t, func(s *torch.Scope) {
				model := heads * width
				x := torch.From(s, normals(rand.New(rand.NewPCG(5, uint64(width))), b*l*3*model), b, l, 3*model).To(d)
				all := x.SelfAttention(heads, torch.CausalMask(s, d, torch.CPU, l)).Select(1, row)
				q, kv := x.Select(1, row).Narrow(1, 0, model), x.Narrow(2, model, 2*model)
				mask := rowsOf(x, b, l, func(_, to int) bool { return to > row })
				if one := torch.SingleQueryAttention(q, kv, heads, mask); !bytes.Equal(one.Bytes(), all.Contiguous().Bytes()) {
					t.Errorf("type %d, heads of %d: other bits", d, width)
				}
			})
		}
	}
}

// Forward and backward of one layer's attention, for the pictures and captions of the configs: what SelfAttention chooses by.
func BenchmarkSelfAttention(b *testing.B) {
	torchtest.Need(b)
	for _, c := range []attentionCase{
		{"64 pixels", 128, 17, 2, false}, {"B-32", 32, 50, 12, false}, {"S-32", 64, 50, 6, false}, {"B-16", 8, 197, 12, false},
		{"L-14", 4, 257, 16, false}, {"L-14-336", 2, 577, 16, false}, {"text 12", 64, 12, 8, true}, {"text 77", 32, 77, 8, true},
	} {
		for way, attend := range map[string]func(x, mask *torch.Tensor) *torch.Tensor{
			"head by head": func(x, mask *torch.Tensor) *torch.Tensor { return x.SelfAttention(c.heads, mask) },
			"products":     func(x, mask *torch.Tensor) *torch.Tensor { return x.Unpacked(c.heads, mask, torch.Attention) },
			"scaled_dot_product_attention": func(x, mask *torch.Tensor) *torch.Tensor {
				return x.Unpacked(c.heads, mask,
					torch.ScaledDotProduct)
			},
		} {
			b.Run(c.name+"/f32/"+way, func(b *testing.B) { c.measure(b, torch.Float32, attend) })
			b.Run(c.name+"/bf16/"+way, func(b *testing.B) { c.measure(b, torch.BFloat16, attend) })
		}
	}
}

// attentionCase is a packed projection of heads that are 64 wide.
type attentionCase struct {
	name            string
	batch, l, heads int
	causal          bool
}

func (c attentionCase) measure(b *testing.B, dtype torch.DType, attend func(x, mask *torch.Tensor) *torch.Tensor) {
	err := torch.DoGrad(b.Context(), func(s *torch.Scope) error {
		numbers := normals(rand.New(rand.NewPCG(1, 2)), c.batch*c.l*3*c.heads*64)
		x := torch.From(s, numbers, c.batch, c.l, 3*c.heads*64).To(dtype)
		var mask *torch.Tensor
		if c.causal {
			mask = torch.CausalMask(s, dtype, torch.CPU, c.l)
		}
		for b.Loop() {
			torch.Tidy(x, func(x *torch.Tensor) *torch.Tensor {
				leaf := x.Detach().Trainable()
				attend(leaf, mask).Sum().Backward()
				return leaf
			})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

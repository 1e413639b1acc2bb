package torch_test

import (
	"bytes"
	"fmt"
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

// Forward and backward of one layer's attention, for the pictures and captions of the configs: what SelfAttention chooses by.
func BenchmarkSelfAttention(b *testing.B) {
	torchtest.Need(b)
	for _, dtype := range []torch.DType{torch.Float32, torch.BFloat16} {
		for _, c := range []struct {
			name                    string
			batch, l, heads, hidden int
		}{
			{"64 pixels", 128, 17, 2, 0}, {"B-32", 32, 50, 12, 0}, {"S-32", 64, 50, 6, 0}, {"B-16", 8, 197, 12, 0},
			{"L-14", 4, 257, 16, 0}, {"L-14-336", 2, 577, 16, 0}, {"text 12", 64, 12, 8, 1}, {"text 77", 32, 77, 8, 1},
		} {
			for _, way := range []string{"head by head", "products", "scaled_dot_product_attention"} {
				b.Run(fmt.Sprintf("%s/%s/%s", map[torch.DType]string{torch.Float32: "f32", torch.BFloat16: "bf16"}[dtype], c.name, way), func(b *testing.B) {
					err := torch.DoGrad(b.Context(), func(s *torch.Scope) error {
						numbers := normals(rand.New(rand.NewPCG(1, 2)), c.batch*c.l*3*c.heads*64)
						x := torch.From(s, numbers, c.batch, c.l, 3*c.heads*64).To(dtype)
						var mask *torch.Tensor
						if c.hidden != 0 {
							mask = torch.CausalMask(s, dtype, torch.CPU, c.l)
						}
						for b.Loop() {
							torch.Tidy(x, func(x *torch.Tensor) *torch.Tensor {
								leaf := x.Detach().Trainable()
								attended(leaf, mask, c.heads, way).Sum().Backward()
								return leaf
							})
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				})
			}
		}
	}
}

// attended is the attention of packed projections x [B, L, 3NH] in one of three ways.
func attended(x, mask *torch.Tensor, heads int, way string) *torch.Tensor {
	if way == "head by head" {
		return x.SelfAttention(heads, mask)
	}
	shape := x.Shape()
	b, l, width := shape[0], shape[1], shape[2]/3
	attend := torch.Attention
	if way != "products" {
		attend = torch.ScaledDotProduct
	}
	qkv := x.Reshape(b, l, 3, heads, width/heads).Permute(2, 0, 3, 1, 4)
	return attend(qkv.Select(0, 0), qkv.Select(0, 1), qkv.Select(0, 2), mask).Transpose(1, 2).Reshape(b, l, width)
}

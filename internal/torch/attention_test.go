package torch_test

import (
	"bytes"
	"fmt"
	"math"
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

// Forward and backward of one layer's attention in bfloat16, head by head and by libtorch's products: what SelfAttention chooses by.
func BenchmarkSelfAttentionInBFloat16(b *testing.B) {
	torchtest.Need(b)
	for _, c := range []struct {
		name                    string
		batch, l, heads, hidden int
	}{{"B-32", 32, 50, 12, 0}, {"S-32", 64, 50, 6, 0}, {"64 pixels", 128, 17, 2, 0}, {"text 77", 32, 77, 8, 1}, {"text 16", 32, 16, 8, 1}} {
		for way, attend := range map[string]func(x, mask *torch.Tensor) *torch.Tensor{
			"head by head": func(x, mask *torch.Tensor) *torch.Tensor { return x.SelfAttention(c.heads, mask) },
			"products": func(x, mask *torch.Tensor) *torch.Tensor {
				qkv := x.Reshape(c.batch, c.l, 3, c.heads, 64).Permute(2, 0, 3, 1, 4)
				y := torch.Attention(qkv.Select(0, 0), qkv.Select(0, 1), qkv.Select(0, 2), mask)
				return y.Transpose(1, 2).Reshape(c.batch, c.l, c.heads*64)
			},
		} {
			b.Run(fmt.Sprintf("%s/%s", c.name, way), func(b *testing.B) {
				err := torch.DoGrad(b.Context(), func(s *torch.Scope) error {
					x := torch.From(s, normals(rand.New(rand.NewPCG(1, 2)), c.batch*c.l*3*c.heads*64), c.batch, c.l, 3*c.heads*64).To(torch.BFloat16)
					var mask *torch.Tensor
					if c.hidden != 0 {
						mask = torch.From(s, upper(c.l), c.l, c.l).To(torch.BFloat16)
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
			})
		}
	}
}

// upper is minus infinity above the diagonal of [l, l].
func upper(l int) []float32 {
	out := make([]float32, l*l)
	for i := range l {
		for j := i + 1; j < l; j++ {
			out[i*l+j] = float32(math.Inf(-1))
		}
	}
	return out
}

package nn

import (
	"math"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// plainPool is attention of one query over l rows, then a residual MLP with the tanh form of GELU.
func plainPool(p *Params, values []float32, l, heads int, eps float64) []float64 {
	x := rows(values, len(values)/l)
	q := p.matrix("latent").linear(p.matrix("q.weight"), p.matrix("q.bias"))[0]
	kv := x.linear(p.matrix("kv.weight"), p.matrix("kv.bias"))
	width := len(q)
	h := width / heads
	seen := make([]float64, width)
	for n := range heads {
		var total float64
		for j := range kv {
			var dot float64
			for k := range h {
				dot += q[n*h+k] * kv[j][n*h+k]
			}
			weight := math.Exp(dot / math.Sqrt(float64(h)))
			total += weight
			for k := range h {
				seen[n*h+k] += weight * kv[j][width+n*h+k]
			}
		}
		for k := range h {
			seen[n*h+k] /= total
		}
	}
	y := matrix{seen}.linear(p.matrix("proj.weight"), p.matrix("proj.bias"))
	up := y.normWith(p.matrix("norm.weight"), p.matrix("norm.bias"), eps).linear(p.matrix("mlp.fc1.weight"), p.matrix("mlp.fc1.bias"))
	for i, v := range up[0] {
		up[0][i] = v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
	}
	return y.add(up.linear(p.matrix("mlp.fc2.weight"), p.matrix("mlp.fc2.bias")), 1)[0]
}

func TestAttentionPoolIsOneQuery(t *testing.T) {
	p := NewParams()
	defer p.Free()
	wide := Normal(0.3)
	start := Start{AttnIn: wide, AttnOut: wide, Up: wide, Down: wide, AttnBias: wide, AttnOutBias: wide, UpBias: wide, DownBias: wide}
	const eps = 0.5 // large enough to be seen
	pool := NewAttentionPool(p.Root(), Shape{Width: 4, Heads: 2, MLPWidth: 6, Activation: GELUTanh, Eps: eps, Naming: TimmNames,
		Start: start}, Normal(1))
	torchtest.Need(t)
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		p.Fill(3, torch.CPU)
		x := []float32{1, -2, 0.5, 3, 0.25, 1, -1, 2, 0, 1, 4, -3, -1, 0.5, 2, 1, 3, 3, -2, 0, 1, 0, 1, 0}
		got := pool.Forward(torch.From(s, x, 2, 3, 4)).Float32s()
		for b := range 2 {
			for i, w := range plainPool(p, x[12*b:][:12], 3, 2, eps) {
				if math.Abs(float64(got[4*b+i])-w) > 1e-5 {
					t.Errorf("picture %d, element %d is %g, want %g", b, i, got[4*b+i], w)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBlocksHaveTimmsNamesInItsOrder(t *testing.T) {
	p := NewParams()
	start := Start{AttnIn: Constant(0), AttnOut: Constant(0), Up: Constant(0), Down: Constant(0),
		AttnBias: Constant(0), AttnOutBias: Constant(0), UpBias: Constant(0), DownBias: Constant(0)}
	NewTransformer(p.Root(), Shape{Width: 4, Layers: 1, Heads: 2, MLPWidth: 6, Naming: TimmNames, Start: start})
	want := []string{"norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias",
		"norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias"}
	for i, name := range names(p) {
		if i >= len(want) || name != "blocks.0."+want[i] {
			t.Fatalf("names %v", names(p))
		}
	}
}

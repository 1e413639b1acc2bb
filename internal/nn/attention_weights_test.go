package nn

import (
	"math"
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// The oracle computes the first layer's weights in float64 from its parameters, under a causal mask.
func TestAttentionWeightsAreThoseOfTheBlock(t *testing.T) {
	torchtest.Need(t)
	p := NewParams()
	defer p.Free()
	wide := Normal(0.4)
	stack := NewTransformer(p.Root(), Shape{Width: 4, Layers: 2, Heads: 2, MLPWidth: 6, Activation: GELU,
		Start: Start{AttnIn: wide, AttnOut: wide, Up: wide, Down: wide, AttnBias: wide, AttnOutBias: wide, UpBias: wide, DownBias: wide}})
	if err := torch.Do(t.Context(), func(*torch.Scope) error { p.Fill(3, torch.CPU); return nil }); err != nil {
		t.Fatal(err)
	}
	x := []float32{1, -2, 0.5, 3, 0.25, 1, -1, 2, 0, 1, 4, -3}
	inf := float32(math.Inf(-1))
	torchtest.Run(t, func(s *torch.Scope) {
		mask := torch.From(s, []float32{0, inf, inf, 0, 0, inf, 0, 0, 0}, 3, 3)
		var layers []int
		var first []float32
		mode := Mode{Attend: func(layer int, weights *torch.Tensor) {
			layers = append(layers, layer)
			if layer == 0 {
				first = weights.Float32s()
			}
		}}
		with := stack.Forward(torch.From(s, x, 1, 3, 4), mask, mode).Float32s()
		without := stack.Forward(torch.From(s, x, 1, 3, 4), mask, Mode{}).Float32s()
		for i := range with {
			if with[i] != without[i] {
				t.Fatalf("looking changes element %d: %v, not %v", i, with[i], without[i])
			}
		}
		if len(layers) != 2 || layers[0] != 0 || layers[1] != 1 {
			t.Errorf("shown layers %v", layers)
		}
		const at = "resblocks.0."
		qkv := rows(x, 4).norm(p.matrix(at+"ln_1.weight"), p.matrix(at+"ln_1.bias")).linear(p.matrix(at+"attn.in_proj_weight"),
			p.matrix(at+"attn.in_proj_bias"))
		for head := range 2 {
			for q := range 3 {
				var weights [3]float64
				var total float64
				for k := range q + 1 {
					dot := qkv[q][head*2]*qkv[k][4+head*2] + qkv[q][head*2+1]*qkv[k][4+head*2+1]
					weights[k] = math.Exp(dot / math.Sqrt2)
					total += weights[k]
				}
				for k := range 3 {
					if got := float64(first[(head*3+q)*3+k]); math.Abs(got-weights[k]/total) > 1e-6 {
						t.Errorf("head %d, query %d, key %d: %v, want %v", head, q, k, got, weights[k]/total)
					}
				}
			}
		}
	})
}

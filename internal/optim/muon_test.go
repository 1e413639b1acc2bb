package optim

import (
	"bytes"
	"math"
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
	t.Helper()
	torchtest.Need(t)
	p := nn.NewParams()
	start := nn.Start{AttnIn: nn.Normal(1), AttnBias: nn.Normal(1), AttnOut: nn.Normal(1), AttnOutBias: nn.Normal(1), Up: nn.Normal(1),
		UpBias: nn.Normal(1), Down: nn.Normal(1), DownBias: nn.Normal(1)}
	nn.NewTransformer(p.Root(), nn.Shape{Width: 6, Layers: 1, Heads: 2, MLPWidth: 9, Start: start})
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

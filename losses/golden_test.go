package losses

import (
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

type plainCase struct {
	Case     string  `json:"case"`
	Loss     float64 `json:"loss"`
	Epsilon  float64 `json:"epsilon"`
	Counted  int     `json:"counted"`
	Policy   float64 `json:"policy_loss"`
	Value    float64 `json:"value_loss"`
	Entropy  float64 `json:"entropy"`
	Clipped  float64 `json:"clipped_fraction"`
	Clip     float64 `json:"clip"`
	ValueBy  float64 `json:"value_coefficient"`
	EntropyB float64 `json:"entropy_coefficient"`
}

// Those of golden/loss's README for float32.
var (
	lossTol     = golden.Tol{RelMax: 1e-5}
	gradientTol = golden.Tol{RelMax: 1e-5}
)

// fixture gives a case's arrays as trainable leaves and compares what reaches them.
type fixture struct {
	t      *testing.T
	s      *torch.Scope
	arrays map[string]golden.Tensor
	name   string
	leaves map[string]*torch.Tensor
}

func (f *fixture) array(name string) golden.Tensor { return f.arrays[f.name+"."+name] }

func (f *fixture) leaf(name string) *torch.Tensor {
	a := f.array(name)
	f.leaves[name] = torch.From(f.s, a.F32, a.Shape...).Trainable()
	return f.leaves[name]
}

func (f *fixture) check(loss *torch.Tensor, want float64) {
	f.t.Helper()
	golden.Close(f.t, "loss", loss.Float32s(), []float32{float32(want)}, lossTol)
	loss.Backward()
	for name, leaf := range f.leaves {
		golden.Close(f.t, "d_"+name, leaf.Gradient(f.s).Float32s(), f.array("d_"+name).F32, gradientTol)
		torch.DropGradients([]*torch.Tensor{leaf})
	}
}

func TestGoldenPlainLosses(t *testing.T) {
	dir := golden.Dir(t, "loss")
	arrays := golden.Tensors(t, filepath.Join(dir, "plain.safetensors"))
	for _, c := range golden.Lines[plainCase](t, filepath.Join(dir, "plain.jsonl")) {
		t.Run(c.Case, func(t *testing.T) {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				c.run(&fixture{t, s, arrays, c.Case, map[string]*torch.Tensor{}})
			})
		})
	}
}

func (c plainCase) run(f *fixture) {
	labels := f.array("labels").I64
	switch {
	case strings.HasPrefix(c.Case, "cross_entropy"):
		f.check(CrossEntropy{Smoothing: Smoothing{c.Epsilon, Others}}.Forward(f.leaf("logits"), labels), c.Loss)
	case c.Case == "causal_lm":
		c.causal(f)
	case c.Case == "masked_lm":
		f.check(MaskedLM{}.Forward(f.leaf("logits"), labels), c.Loss)
		if rows, _ := counted(labels); len(rows) != c.Counted {
			f.t.Errorf("%d tokens counted, want %d", len(rows), c.Counted)
		}
	case c.Case == "bradley_terry":
		f.check(Ranking(f.leaf("chosen"), f.leaf("rejected"), nil), c.Loss)
	case strings.HasPrefix(c.Case, "ppo"):
		c.ppo(f)
	default:
		f.t.Skip("clipgo has no such loss yet")
	}
}

// causal gathers the rows that are asked something, as the captioner does.
func (c plainCase) causal(f *fixture) {
	x := f.leaf("logits")
	shape := x.Shape()
	b, l, v := shape[0], shape[1], shape[2]
	ids := make([]int32, b*l)
	for i, id := range f.array("labels").I64 {
		ids[i] = int32(id)
	}
	rows, tokens := NextTokens(ids, l, Ignore)
	if len(rows) != c.Counted {
		f.t.Errorf("%d tokens counted, want %d", len(rows), c.Counted)
	}
	asked := x.Narrow(1, 0, l-1).Reshape(b*(l-1), v).Rows(torch.From(f.s, rows, len(rows)))
	f.check(CrossEntropy{}.Forward(asked, tokens), c.Loss)
}

func (c plainCase) ppo(f *fixture) {
	p := PPO{Clip: c.Clip, Value: c.ValueBy, Entropy: c.EntropyB}
	if c.Case == "ppo_clipped_value" {
		p.ClipValue = c.Clip
	}
	out := p.Forward(Rollout{
		Logits: f.leaf("logits"), Value: f.leaf("value"), Actions: f.array("actions").I64, OldLogP: f.array("old_logp").F32,
		Advantage: f.array("advantage").F32, Return: f.array("returns").F32, OldValue: f.array("old_value").F32,
	})
	for _, part := range []struct {
		name string
		got  *torch.Tensor
		want float64
	}{{"policy", out.Policy, c.Policy}, {"value", out.Value, c.Value}, {"entropy", out.Entropy, c.Entropy}} {
		golden.Close(f.t, part.name, part.got.Float32s(), []float32{float32(part.want)}, lossTol)
	}
	if out.Clipped != c.Clipped {
		f.t.Errorf("%g of the ratios are clipped, want %g", out.Clipped, c.Clipped)
	}
	f.check(out.Loss, c.Loss)
}

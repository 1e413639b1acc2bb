package losses

import (
	"math"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
)

// ppoByDefinition is the loss in float64 for a single state and action.
func ppoByDefinition(p PPO, logits []float64, action int, r [5]float64) float64 {
	oldLogP, advantage, value, target, oldValue := r[0], r[1], r[2], r[3], r[4]
	var sum, entropy float64
	for _, z := range logits {
		sum += math.Exp(z)
	}
	for _, z := range logits {
		entropy -= math.Exp(z) / sum * (z - math.Log(sum))
	}
	ratio := math.Exp(logits[action] - math.Log(sum) - oldLogP)
	gain := math.Min(ratio*advantage, math.Max(1-p.Clip, math.Min(1+p.Clip, ratio))*advantage)
	err := (value - target) * (value - target)
	if p.ClipValue > 0 {
		held := oldValue + math.Max(-p.ClipValue, math.Min(p.ClipValue, value-oldValue))
		err = math.Max(err, (held-target)*(held-target))
	}
	return -gain + p.Value*err - p.Entropy*entropy
}

// Above and below the clip, with advantages of either sign: four corners, and the two between.
func TestPPOIsItsDefinition(t *testing.T) {
	logits := []float64{0.3, -1.2, 0.8}
	const logp = -1.2078 // near log P of action 0
	for _, p := range []PPO{{Clip: 0.2, Value: 0.5, Entropy: 0.01}, {Clip: 0.1, Value: 1, ClipValue: 0.3}} {
		for _, r := range [][5]float64{
			{logp, 1, 0.5, 1, 0.4}, {logp, -1, 0.5, 1, 0.4}, {logp - 0.5, 1, 2, 1, 0.4}, {logp - 0.5, -1, 2, 1, 0.4},
			{logp + 0.5, 2, -1, 0, 1}, {logp + 0.5, -2, -1, 0, 1},
		} {
			loss := ppoByDefinition(p, logits, 0, r)
			gradient := make([]float32, 3)
			for i := range logits {
				const h = 1e-6
				up, down := append([]float64(nil), logits...), append([]float64(nil), logits...)
				up[i] += h
				down[i] -= h
				gradient[i] = float32((ppoByDefinition(p, up, 0, r) - ppoByDefinition(p, down, 0, r)) / (2 * h))
			}
			torchtest.RunGrad(t, func(s *torch.Scope) {
				x := torch.From(s, []float32{0.3, -1.2, 0.8}, 1, 3).Trainable()
				out := p.Forward(Rollout{
					Logits: x, Value: torch.From(s, []float32{float32(r[2])}), Actions: []int64{0}, OldLogP: []float32{float32(r[0])},
					Advantage: []float32{float32(r[1])}, Return: []float32{float32(r[3])}, OldValue: []float32{float32(r[4])},
				})
				compare(t, x, out.Loss, loss, gradient)
			})
		}
	}
}

// The sum over all that is ahead, by its definition.
func TestGAEIsItsDefinition(t *testing.T) {
	rewards, values := []float64{0, 0.5, -1, 2}, []float64{0.3, 0.1, -0.2, 0.7}
	for _, c := range []struct{ gamma, lambda float64 }{{1, 1}, {1, 0.95}, {0.9, 0.5}, {0.99, 0}} {
		advantages, returns := GAE(rewards, values, c.gamma, c.lambda)
		for t0 := range rewards {
			var want float64
			for k := t0; k < len(rewards); k++ {
				next := 0.0
				if k+1 < len(values) {
					next = values[k+1]
				}
				want += math.Pow(c.gamma*c.lambda, float64(k-t0)) * (rewards[k] + c.gamma*next - values[k])
			}
			if math.Abs(advantages[t0]-want) > 1e-12 || math.Abs(returns[t0]-want-values[t0]) > 1e-12 {
				t.Errorf("%+v at %d: %g and %g, want %g", c, t0, advantages[t0], returns[t0], want)
			}
		}
	}
	if a, r := GAE(nil, nil, 1, 1); len(a)+len(r) != 0 {
		t.Error("an episode without steps has advantages")
	}
}

// Over all actions, weighted by their probability under P, the estimate is the divergence.
func TestKLHasNoBias(t *testing.T) {
	p, q := []float64{0.5, 0.3, 0.2}, []float64{0.2, 0.2, 0.6}
	var exact, estimate float64
	for i := range p {
		logP, logQ := math.Log(p[i]), math.Log(q[i])
		exact += p[i] * (logP - logQ)
		one := KL([]float64{logP}, []float64{logQ})
		if one < 0 {
			t.Errorf("%g is negative", one)
		}
		estimate += p[i] * one
	}
	if math.Abs(exact-estimate) > 1e-12 {
		t.Errorf("the estimates' mean is %g, the divergence %g", estimate, exact)
	}
	if KL(p, p) != 0 || KL(nil, nil) != 0 {
		t.Error("equal policies are apart")
	}
}

func TestNormalizeGivesMeanAndDeviation(t *testing.T) {
	v := []float64{1, 2, 3, 4}
	Normalize(v)
	root := 1 / math.Sqrt(1.25)
	for i, want := range []float64{-1.5 * root, -0.5 * root, 0.5 * root, 1.5 * root} {
		if math.Abs(v[i]-want) > 1e-7 {
			t.Errorf("%v", v)
		}
	}
	same := []float64{2, 2}
	if Normalize(same); same[0] != 0 || same[1] != 0 {
		t.Errorf("equal ones become %v", same)
	}
}

func TestPPOAndSmoothingValidate(t *testing.T) {
	for want, err := range map[string]error{
		"clip: 0 is not":             PPO{}.Validate(),
		"value_coefficient: -1":      PPO{Clip: 0.2, Value: -1}.Validate(),
		"clip_value: NaN":            PPO{Clip: 0.2, ClipValue: math.NaN()}.Validate(),
		"label_smoothing: 1 is not":  Smoothing{1, Others}.Validate(),
		"label_smoothing_form: \"\"": Smoothing{0.1, ""}.Validate(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if err := (PPO{Clip: 0.2, Value: 0.5, Entropy: 0.01}).Validate(); err != nil {
		t.Error(err)
	}
}

// The share beyond the clip and the distance to the old policy are those of the ratios.
func TestPPOCountsWhatIsClipped(t *testing.T) {
	torchtest.Run(t, func(s *torch.Scope) {
		even := float32(math.Log(0.5))
		out := PPO{Clip: 0.2}.Forward(Rollout{
			Logits: torch.From(s, make([]float32, 8), 4, 2), Value: torch.From(s, make([]float32, 4), 4), Actions: []int64{0, 1, 0, 1},
			OldLogP: []float32{even, even - 1, even + 1, even + 0.1}, Advantage: make([]float32, 4), Return: make([]float32, 4),
		})
		if out.Clipped != 0.5 {
			t.Errorf("%g of the ratios are clipped, want 0.5", out.Clipped)
		}
		want := (math.Expm1(1) - 1 + math.Expm1(-1) + 1 + math.Expm1(-0.1) + 0.1) / 4
		golden.Close(t, "kl", []float32{float32(out.KL)}, []float32{float32(want)}, plainTol)
	})
}

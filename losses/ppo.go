package losses

import (
	"errors"
	"fmt"

	"clipgo/internal/torch"
)

// PPO is the loss of proximal policy optimization (Schulman et al., 2017, equations 7 and 9), without its sign:
//
//	loss = -mean min(r A, clip(r, 1-e, 1+e) A) + c1 mean (V - R)^2 - c2 mean H
//
// with r = exp(log P(a) - log P_old(a)), A the advantages as they are given, V the value and R its target, H the entropy of the
// policy. The squared error has no factor 1/2.
type PPO struct {
	// Clip is e, Value c1, Entropy c2.
	Clip    float64 `json:"clip" flag:"clip" arg:"x" help:"how far from 1 a ratio may go (default 0.2)"`
	Value   float64 `json:"value_coefficient" flag:"value-coefficient" arg:"x" help:"weight of the value's error (default 0.1)"`
	Entropy float64 `json:"entropy_coefficient" flag:"entropy-coefficient" arg:"x" help:"bonus for a nat of entropy (default 0.001)"`
	// ClipValue also takes the larger of the two errors of V and of V held within e of its old value; 0: not. It is e of
	// the value.
	ClipValue float64 `json:"clip_value" flag:"clip-value" arg:"x" help:"how far a value may go in a round; 0: anywhere (default 0.2)"`
}

// Validate checks the fields.
func (p PPO) Validate() error {
	var errs []error
	if !(p.Clip > 0 && p.Clip < 1) {
		errs = append(errs, fmt.Errorf("clip: %g is not between 0 and 1", p.Clip))
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"value_coefficient", p.Value}, {"entropy_coefficient", p.Entropy}, {"clip_value", p.ClipValue}} {
		if !(f.value >= 0) {
			errs = append(errs, fmt.Errorf("%s: %g is negative", f.name, f.value))
		}
	}
	return errors.Join(errs...)
}

// Rollout is what was done and what came of it, for N actions. All but the tensors are constants.
type Rollout struct {
	Logits    *torch.Tensor // [N, V] of the policy now
	Value     *torch.Tensor // [N] now
	Actions   []int64
	OldLogP   []float32 // log P(a) when it was done
	Advantage []float32
	Return    []float32 // target of the value
	OldValue  []float32 // for ClipValue alone
}

// PPOParts are the loss's parts, each a scalar with its graph, and what their numbers say.
type PPOParts struct {
	Loss, Policy, Value, Entropy *torch.Tensor
	Clipped                      float64 // share of the ratios beyond the clip
	KL                           float64 // mean of the old policy's distance to the new one, as KL estimates it
}

// Forward joins the parts.
func (p PPO) Forward(in Rollout) PPOParts {
	logp := in.Logits.LogSoftmax(-1)
	chosen := logp.Gather(1, in.constant64(in.Actions).Reshape(-1, 1)).Reshape(-1)
	out := PPOParts{
		Policy:  p.policy(in, chosen),
		Value:   p.value(in),
		Entropy: logp.Exp().Mul(logp).Sum().Scale(-1 / float64(len(in.Actions))),
	}
	out.Loss = out.Policy.Add(out.Value.Scale(p.Value)).Sub(out.Entropy.Scale(p.Entropy))
	now := chosen.Detach().Float64s()
	old := make([]float64, len(now))
	for i, v := range in.OldLogP {
		old[i] = float64(v)
	}
	out.Clipped, out.KL = beyond(now, old, p.Clip), KL(old, now)
	return out
}

// policy is -mean min(r A, clip(r) A).
func (p PPO) policy(in Rollout, logp *torch.Tensor) *torch.Tensor {
	ratio, advantage := logp.Sub(in.constant(in.OldLogP)).Exp(), in.constant(in.Advantage)
	return ratio.Mul(advantage).Minimum(ratio.Clamp(1-p.Clip, 1+p.Clip).Mul(advantage)).Mean().Scale(-1)
}

// value is mean (V - R)^2, or of the larger of that and the clipped one.
func (p PPO) value(in Rollout) *torch.Tensor {
	target := in.constant(in.Return)
	squared := square(in.Value.Sub(target))
	if p.ClipValue > 0 {
		old := in.constant(in.OldValue)
		held := old.Add(in.Value.Sub(old).Clamp(-p.ClipValue, p.ClipValue))
		squared = squared.Maximum(square(held.Sub(target)))
	}
	return squared.Mean()
}

func square(x *torch.Tensor) *torch.Tensor { return x.Mul(x) }

func (r Rollout) constant(v []float32) *torch.Tensor {
	return torch.From(r.Value.Scope(), v, len(v)).OnDevice(r.Value.Device())
}

func (r Rollout) constant64(v []int64) *torch.Tensor {
	return torch.From(r.Logits.Scope(), v, len(v)).OnDevice(r.Logits.Device())
}

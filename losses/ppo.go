package losses

import (
	"errors"
	"fmt"

	"clipgo/internal/torch"
)

// PPO is the loss of proximal policy optimization, to be minimized: the negative of the objective in Schulman et al., 2017, equations 7
// and 9,
//
//	loss = -mean min(r A, clip(r, 1-e, 1+e) A) + c1 mean (V - R)^2 - c2 mean H
//
// with the ratio r = exp(log P(a) - log P_old(a)), advantages A, value V, its target R, and the policy's entropy H. The advantages are
// used as given, and the squared error has no factor 1/2.
type PPO struct {
	// Clip is e, Value c1, Entropy c2.
	Clip    float64 `json:"clip" flag:"clip" arg:"x" help:"clipping range of the policy ratio (default 0.2)"`
	Value   float64 `json:"value_coefficient" flag:"value-coefficient" arg:"x" help:"weight of the value's error (default 0.1)"`
	Entropy float64 `json:"entropy_coefficient" flag:"entropy-coefficient" arg:"x" help:"bonus for a nat of entropy (default 0.001)"`
	// ClipValue v replaces (V - R)^2 by max((V - R)^2, (clip(V, V_old - v, V_old + v) - R)^2); 0: no clipping.
	ClipValue float64 `json:"clip_value" flag:"clip-value" arg:"x" help:"clipping range of the value; 0: no clipping (default 0.2)"`
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

// Rollout holds N actions with their results. All but the tensors are constants.
type Rollout struct {
	Logits    *torch.Tensor // [N, V] of the current policy
	Value     *torch.Tensor // [N], current
	Actions   []int64
	OldLogP   []float32 // log P(a) when the action was drawn
	Advantage []float32
	Return    []float32 // target of the value
	OldValue  []float32 // used with ClipValue only
}

// PPOParts are the loss's terms, scalars with their graph, and statistics.
type PPOParts struct {
	Loss, Policy, Value, Entropy *torch.Tensor
	Clipped                      float64 // fraction of the ratios outside the clip
	KL                           float64 // KL(old policy || new policy), as KL estimates it
}

// Forward computes the loss.
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

// value is mean (V - R)^2, or the mean of the larger of that and the clipped error.
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

package alignment

import (
	"errors"
	"fmt"
	"math"

	"clipgo/internal/fault"
	"clipgo/losses"
)

// PPOSettings say how a captioner is tuned against a reward. Rewards are in deviations of the untuned captioner's.
type PPOSettings struct {
	losses.PPO
	Epochs      int `json:"epochs" flag:"ppo-epochs" arg:"N" help:"passes over the captions of a rollout (default 2)"`
	Minibatches int `json:"minibatches" flag:"minibatches" arg:"N" help:"minibatches (steps) in each pass (default 2)"`
	// Gamma and Lambda are those of GAE.
	Gamma  float64 `json:"gamma" flag:"gamma" arg:"x" help:"discount of GAE (default 1)"`
	Lambda float64 `json:"lambda" flag:"lambda" arg:"x" help:"lambda of GAE (default 0.95)"`

	// Each token's reward loses KLCoefficient times log P - log P_reference. It is where the coefficient begins.
	KLCoefficient float64 `json:"kl_coefficient" flag:"kl-coefficient" arg:"x" help:"initial KL penalty per token against the original captioner (default 0.05)"`
	// A round whose tokens are more than KLLimit nats from the reference, on average, earns no reward.
	KLLimit float64 `json:"kl_limit" flag:"kl-limit" arg:"nats" help:"largest mean KL per token, in nats (default 0.5)"`
	KLFixed bool    `json:"kl_fixed" flag:"kl-fixed" help:"keep the KL coefficient fixed"`

	// LengthPenalty is for being twice as long as the untuned captions are on average, or empty.
	LengthPenalty float64 `json:"length_penalty" flag:"length-penalty" arg:"x" help:"penalty for a caption that is empty or twice the usual length (default 0.5)"`
	// RepetitionPenalty is for pairs of neighbouring tokens that were there before.
	RepetitionPenalty float64 `json:"repetition_penalty" flag:"repetition-penalty" arg:"x" help:"penalty for repetition (default 0.5)"`
	MaxLength         int     `json:"max_length" flag:"max-length" arg:"N" help:"tokens of a caption, at most (default 30)"`
}

// DefaultPPO are the usual numbers of PPO for language models (Ziegler et al., 2019; Stiennon et al., 2020).
func DefaultPPO() PPOSettings {
	return PPOSettings{
		PPO: losses.PPO{Clip: 0.2, Value: 0.1, Entropy: 0.001, ClipValue: 0.2}, Epochs: 2, Minibatches: 2, Gamma: 1, Lambda: 0.95,
		KLCoefficient: 0.05, KLLimit: 0.5, LengthPenalty: 0.5, RepetitionPenalty: 0.5, MaxLength: 30,
	}
}

// Updates is how many steps a round of captions is used for.
func (p PPOSettings) Updates() int { return p.Epochs * p.Minibatches }

// Validate returns every problem, joined.
func (p PPOSettings) Validate() error {
	errs := []error{p.PPO.Validate()}
	for _, f := range []struct {
		key   string
		value int
	}{{"epochs", p.Epochs}, {"minibatches", p.Minibatches}, {"max_length", p.MaxLength}} {
		if f.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d is less than 1", f.key, f.value))
		}
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"gamma", p.Gamma}, {"lambda", p.Lambda}} {
		if !(f.value >= 0 && f.value <= 1) {
			errs = append(errs, fmt.Errorf("%s: %g is not in [0, 1]", f.key, f.value))
		}
	}
	for _, f := range []struct {
		key   string
		value float64
	}{{"kl_coefficient", p.KLCoefficient}, {"length_penalty", p.LengthPenalty}, {"repetition_penalty", p.RepetitionPenalty}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			errs = append(errs, fmt.Errorf("%s: %g is not a number from 0 on", f.key, f.value))
		}
	}
	if !(p.KLLimit > 0) || math.IsInf(p.KLLimit, 0) {
		errs = append(errs, fmt.Errorf("kl_limit: %g is not positive", p.KLLimit))
	}
	return errors.Join(errs...)
}

// control gives the next round's coefficient after a round of some KL: towards half the limit, a tenth at most at a time
// (Ziegler et al., 2019, section 2.2), and faster above the limit.
func (p PPOSettings) control(coefficient, kl float64) float64 {
	switch target := p.KLLimit / 2; {
	case p.KLFixed:
		return coefficient
	case kl > p.KLLimit:
		return 1.5 * coefficient
	default:
		return coefficient * (1 + 0.5*min(max(kl/target-1, -0.2), 0.2))
	}
}

// penalty is what a caption's reward loses for its length, against the usual one, and for repeating itself.
func (p PPOSettings) penalty(ids []int32, usual float64) float64 {
	out := p.LengthPenalty * math.Abs(float64(len(ids))/max(usual, 1)-1)
	if len(ids) < 2 {
		return out
	}
	seen, repeated := map[[2]int32]bool{}, 0
	for i := range len(ids) - 1 {
		pair := [2]int32{ids[i], ids[i+1]}
		if seen[pair] {
			repeated++
		}
		seen[pair] = true
	}
	return out + p.RepetitionPenalty*float64(repeated)/float64(len(ids)-1)
}

// Standard puts rewards into deviations of the untuned captioner's: 0 is its mean.
type Standard struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// ErrNothingToLearn is a reward that says nothing of captions.
var ErrNothingToLearn = fault.New(fault.Data, "nothing to learn")

// NewStandard measures the untuned captioner's rewards. Rewards that are no numbers, or all equal, are ErrNothingToLearn.
func NewStandard(rewards []float64) (s Standard, _ error) {
	for _, r := range rewards {
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return s, fmt.Errorf("%w: the reward of a caption is not a number", ErrNothingToLearn)
		}
	}
	s.Mean, s.Deviation = moments(rewards)
	if !(s.Deviation > 1e-7*math.Abs(s.Mean)) { // float32 rewards differ by as much where nothing does
		return s, fmt.Errorf("%w: the reward is the same, %.4g, for each of %d captions", ErrNothingToLearn, s.Mean, len(rewards))
	}
	return s, nil
}

// Of is a reward in the standard's units.
func (s Standard) Of(reward float64) float64 { return (reward - s.Mean) / s.Deviation }

// moments are the mean and the deviation of all that there is; zeros of nothing.
func moments(v []float64) (mean, deviation float64) {
	if len(v) == 0 {
		return 0, 0
	}
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		deviation += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(deviation)
}

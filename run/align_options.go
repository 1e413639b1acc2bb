package run

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"clipgo/alignment"
)

// What alignOptions.Objective says of the two commands.
const (
	PreferenceObjective = "preference"
	PPOObjective        = "ppo"
)

// alignOptions are the settings of align that train does not have.
type alignOptions struct {
	Objective  string  `json:"objective"`
	RewardHead bool    `json:"reward_head" flag:"reward-head" help:"the reward is a scalar layer on the features, kept in heads.safetensors, instead of the model's own score"`
	KeepNear   float64 `json:"keep_near" flag:"keep-near" arg:"share" help:"at the end, mix this fraction of the original weights in (WiSE-FT), such as 0.3"`
	L2SP       float64 `json:"l2_sp" flag:"l2-sp" arg:"x" help:"strength of the decay towards the original weights (L2-SP); each step moves lr * x of the way: 1000 at lr 1e-4 is a tenth"`
	ppoOptions
}

// on says whether a run is an alignment.
func (o alignOptions) on() bool { return o.Objective != "" }

// prefers says whether judged pairs are what a run is trained on.
func (o alignOptions) prefers() bool { return o.Objective == PreferenceObjective }

// rewards says whether a captioner is tuned against a reward.
func (o alignOptions) rewards() bool { return o.Objective == PPOObjective }

// nears says whether the starting weights are needed.
func (o alignOptions) nears() bool { return o.KeepNear > 0 || o.L2SP > 0 || o.rewards() }

// chance is the loss of guessing; 0: the contrastive one.
func (o alignOptions) chance() float64 {
	if o.prefers() {
		return math.Ln2
	}
	return 0
}

// validateAlign returns every problem, joined.
func (o *Options) validateAlign() error {
	if o.Align.rewards() {
		return errors.Join(o.Align.Validate(), o.validatePPO())
	}
	if o.Align.on() && o.EMADecay > 0 {
		return errors.Join(o.Align.Validate(), errors.New("ema_decay: not available in align; align.keep_near and align.l2_sp keep a "+
			"fine-tuned model close to the original"))
	}
	return o.Align.Validate()
}

// Validate returns every problem, joined.
func (o alignOptions) Validate() error {
	var errs []error
	if o.on() && !o.prefers() && !o.rewards() {
		errs = append(errs, fmt.Errorf("align.objective: %q is neither %s nor %s", o.Objective, PreferenceObjective, PPOObjective))
	}
	if !(o.KeepNear >= 0 && o.KeepNear < 1) {
		errs = append(errs, fmt.Errorf("align.keep_near: %g is not a share in [0, 1)", o.KeepNear))
	}
	if !(o.L2SP >= 0) || math.IsInf(o.L2SP, 0) {
		errs = append(errs, fmt.Errorf("align.l2_sp: %g is not a number from 0 on", o.L2SP))
	}
	return errors.Join(errs...)
}

// The values of --reward.
const (
	preferenceReward = "preference"
	clipReward       = "clip"
	bothRewards      = "both"
)

// ppoOptions are the settings of align ppo.
type ppoOptions struct {
	Reward      string                `json:"reward,omitempty" flag:"reward" arg:"name" help:"preference, clip or both"`
	RewardModel string                `json:"reward_model,omitempty" flag:"reward-model" arg:"R" help:"model that gives the reward: a run of align preference; for clip any CLIP model"`
	Judge       string                `json:"judge,omitempty" flag:"judge" arg:"J" help:"model that judges wins: another run of align preference (default: the reward itself)"`
	PPO         alignment.PPOSettings `json:"ppo,omitzero"`
}

// updates is how many steps a batch of pictures is used for.
func (o alignOptions) updates() int {
	if o.rewards() {
		return o.PPO.Updates()
	}
	return 1
}

// validatePPO returns every problem, joined.
func (o *Options) validatePPO() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch p := o.Align; {
	case p.Reward == "":
		bad("align.reward: missing; preference, clip or both")
	case !slices.Contains([]string{preferenceReward, clipReward, bothRewards}, p.Reward):
		bad("align.reward: %q is none of preference, clip, both", p.Reward)
	case p.Reward != clipReward && p.RewardModel == "":
		bad("align.reward_model: missing; a preference reward needs a run of preference training")
	}
	if err := o.Align.PPO.Validate(); err != nil {
		bad("align.ppo: %w", err)
	}
	if int(o.BatchSize) < o.Align.PPO.Minibatches {
		bad("batch_size: %d captions are fewer than %d minibatches", o.BatchSize, o.Align.PPO.Minibatches)
	}
	if o.EMADecay > 0 || o.Align.KeepNear > 0 || o.Align.L2SP > 0 || o.Align.RewardHead {
		errs = append(errs, errors.New("ema_decay, align.keep_near, align.l2_sp, align.reward_head: not available in PPO training"))
	}
	if o.ModelCfg.Multimodal == nil {
		errs = append(errs, errors.New("model: it has no decoder (multimodal_cfg); PPO fine-tunes a captioner, which training with "+
			"objective coca gives"))
	}
	return errors.Join(errs...)
}

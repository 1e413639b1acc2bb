package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"clipgo/alignment"
)

func newAlignPPO(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ppo --model CAPTIONER --reward preference|clip|both --train-data SRC --out DIR",
		Short: "Tune a captioner against a reward",
		Long: `ppo lets a captioner (a run of train --objective coca, or CoCa's weights) write captions of SRC's pictures, gives each a
reward, and makes what earned more likelier: proximal policy optimization, with a value head, near the captioner as it was.

--reward preference is the reward of --reward-model, a run of align preference; clip is the cosine of picture and caption
by the captioner's own towers as they were, or by --reward-model; both adds the two. Rewards are counted in deviations of
those that the untuned captioner earns. A caption pays for being longer or shorter than the untuned ones are on average, for
repeating itself, and for each nat that a token is from the untuned captioner (--kl-coefficient, which adapts itself to
stay below --kl-limit; a round beyond that earns no reward).

A round writes --batch-size captions and is used for --ppo-epochs passes of --minibatches steps; --steps counts those
steps. The image tower stays locked unless --lock-image=false. On --val-data the captions are measured before the first
step and at the end: rewards, wins over the untuned captioner by --judge (a reward model that the training doesn't see),
KL, and how often a caption finds its picture. --resume goes on to the same bytes.`,
		Example: `  clipgo train --train-data builtin:shapes --objective coca --out runs/captioner
  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --out runs/reward
  clipgo align ppo --model runs/captioner --reward preference --reward-model runs/reward --train-data builtin:shapes --val-data "builtin:shapes?split=val" --out runs/ppo
  clipgo align ppo --model runs/captioner --reward clip --train-data builtin:shapes --steps 200 --out runs/ppo-clip
  clipgo align ppo --resume latest --out runs/ppo`,
		Args: usageArgs(cobra.NoArgs),
	}
	c.RunE = a.trains(c, ppoObjective, append([]string{"align.reward_head", "align.keep_near", "align.l2_sp"}, ofTrain...)...)
	return c
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
func (o *trainOptions) validatePPO() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch p := o.Align; {
	case p.Reward == "":
		bad("align.reward is missing: --reward preference, clip or both")
	case !slices.Contains([]string{preferenceReward, clipReward, bothRewards}, p.Reward):
		bad("align.reward: %q is none of preference, clip, both", p.Reward)
	case p.Reward != clipReward && p.RewardModel == "":
		bad("align.reward_model is missing: a reward of preferences needs --reward-model, a run of align preference")
	}
	if err := o.Align.PPO.Validate(); err != nil {
		bad("align.ppo: %w", err)
	}
	if int(o.BatchSize) < o.Align.PPO.Minibatches {
		bad("batch_size: %d captions make no %d minibatches", o.BatchSize, o.Align.PPO.Minibatches)
	}
	if o.EMADecay > 0 || o.Align.KeepNear > 0 || o.Align.L2SP > 0 || o.Align.RewardHead {
		errs = append(errs, errors.New("ema_decay, align.keep_near, align.l2_sp, align.reward_head: they are for other trainings"))
	}
	if o.ModelCfg.Multimodal == nil {
		errs = append(errs, errors.New("the model has no decoder (multimodal_cfg): ppo tunes what train --objective coca makes"))
	}
	return errors.Join(errs...)
}

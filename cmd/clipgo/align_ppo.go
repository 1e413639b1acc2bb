package main

import (
	"clipgo/run"

	"github.com/spf13/cobra"
)

func newAlignPPO(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "ppo --model CAPTIONER --reward preference|clip|both --train-data SRC --out DIR",
		Short: "Fine-tune a captioner with PPO against a reward",
		Long: `ppo lets a captioner (a run of train --objective coca, or CoCa's weights) write captions of SRC's pictures, rewards
each caption and makes higher-reward captions more likely (PPO with a value head and a KL penalty to the original
captioner).

--reward preference is the reward of --reward-model, a run of align preference; clip is the cosine of picture and caption
by the captioner's own original encoders, or by --reward-model; both adds the two. Rewards are in standard deviations of
the original captioner's rewards. Penalties: length different from the original average, repetition, and KL to the
original (--kl-coefficient, adapted to stay below --kl-limit; a rollout beyond the limit gets no reward).

A rollout writes --batch-size captions and is used for --ppo-epochs passes of --minibatches steps; --steps counts those
steps. The image encoder stays frozen unless --lock-image=false. On --val-data the captions are measured before the first
step and at the end: rewards, wins over the original captioner by --judge (a reward model that the training doesn't see),
KL, and how often a caption finds its picture. A resumed run is bit-identical.`,
		Example: `  clipgo train --train-data builtin:shapes --objective coca --out runs/captioner
  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --out runs/reward
  clipgo align ppo --model runs/captioner --reward preference --reward-model runs/reward \
    --train-data builtin:shapes --val-data "builtin:shapes?split=val" --out runs/ppo
  clipgo align ppo --model runs/captioner --reward clip --train-data builtin:shapes --steps 200 --out runs/ppo-clip
  clipgo align ppo --resume latest --out runs/ppo`,
		Args: cobra.NoArgs,
	}
	c.RunE = a.trains(c, run.PPOObjective, append([]string{"align.reward_head", "align.keep_near", "align.l2_sp"}, ofTrain...)...)
	return c
}

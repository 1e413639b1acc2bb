package main

import (
	"clipgo/run"

	"github.com/spf13/cobra"
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
	c.RunE = a.trains(c, run.PPOObjective, append([]string{"align.reward_head", "align.keep_near", "align.l2_sp"}, ofTrain...)...)
	return c
}

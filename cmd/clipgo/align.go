package main

import (
	"github.com/spf13/cobra"

	"clipgo/run"
)

func newAlignPreference(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "preference --model M --train-data PAIRS --out DIR",
		Short: "Train a reward model from preference pairs",
		Long: `preference tunes a trained model so that of two captions of a picture, or of two pictures for a caption, the one that
judges preferred has the higher score (scale * cosine): a pairwise ranking loss, -log sigmoid(better - worse).

PAIRS is builtin:shapes-preferences, or a .jsonl, .json, .csv or .tsv table whose picture paths are relative to it. Columns:
  image, better_caption, worse_caption    or   caption, better_image, worse_image
  caption, image_0, image_1, label_0, label_1 (PickaPic; jpg_0 and jpg_1 too; labels of 0.5 are a tie)
  prompt, image_path (a list), human_preference or rank (a list; HPD)
  preference, beside two named sides, is the first one's share: 1, 0, or 0.5 for a tie
A row without a partner, with equal items or without a judgement is skipped and listed in skipped.jsonl.

Abilities that the pairs don't cover may be lost: compare eval retrieval. --keep-near and --l2-sp keep the model close
to the original.

Agreement on --val-data is measured before the first step and at the end. The run directory is that of train, and
--resume continues it; checkpoints are ordinary models, with heads.safetensors if there is a reward head.`,
		Example: `  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences \
    --val-data "builtin:shapes-preferences?split=val" --out runs/reward
  clipgo align preference --model ViT-B-32 --pretrained w.safetensors --train-data pairs.jsonl --keep-near 0.3 --out runs/reward
  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --l2-sp 1000 --out runs/near
  clipgo align preference --resume latest --out runs/reward`,
		Args: cobra.NoArgs,
	}
	c.RunE = a.trains(c, run.PreferenceObjective, append([]string{"align.reward", "align.reward_model", "align.judge", "align.ppo"},
		ofTrain...)...)
	return c
}

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

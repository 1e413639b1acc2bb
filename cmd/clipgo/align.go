package main

import (
	"clipgo/run"

	"github.com/spf13/cobra"
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

Agreement on --val-data is measured before the first step and at the end. The run directory is that of
train, and --resume continues it; checkpoints are ordinary models, with heads.safetensors if there is a reward head.`,
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

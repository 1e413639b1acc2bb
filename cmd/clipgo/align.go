package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"
)

func newAlign(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "align",
		Short: "Tune a trained model on what people prefer",
	}
	c.AddCommand(newAlignPreference(a), newAlignPPO(a))
	return c
}

func newAlignPreference(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "preference --model M --train-data PAIRS --out DIR",
		Short: "Make a model's score a reward that agrees with judgements",
		Long: `preference tunes a trained model so that of two captions of a picture, or of two pictures for a caption, the one that
judges preferred has the higher score (scale * cosine): a pairwise ranking loss, -log sigmoid(better - worse).

PAIRS is builtin:shapes-preferences, or a .jsonl, .json, .csv or .tsv table whose picture paths are relative to it. Columns:
  image, better_caption, worse_caption    or   caption, better_image, worse_image
  caption, image_0, image_1, label_0, label_1 (PickaPic; jpg_0 and jpg_1 too; labels of 0.5 are a tie)
  prompt, image_path (a list), human_preference or rank (a list; HPD)
  preference, beside two named sides, is the first one's share: 1, 0, or 0.5 for a tie
A row without a partner, with equal items or without a judgement is skipped, counted and told in skipped.jsonl.

What the judgements don't ask for is forgotten, which eval retrieval shows; --keep-near and --l2-sp hold on to it.

Agreement on --val-data is measured before the first step and at the end. The run directory is that of train, and
--resume goes on in it; its checkpoints are models as any other, with heads.safetensors beside where there is a head.`,
		Example: `  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --val-data "builtin:shapes-preferences?split=val" --out runs/reward
  clipgo align preference --model ViT-B-32 --pretrained w.safetensors --train-data pairs.jsonl --keep-near 0.3 --out runs/reward
  clipgo align preference --model runs/shapes --train-data builtin:shapes-preferences --l2-sp 1000 --out runs/near
  clipgo align preference --resume latest --out runs/reward`,
		Args: usageArgs(cobra.NoArgs),
	}
	c.RunE = a.trains(c, preferenceObjective, append([]string{"align.reward", "align.reward_model", "align.judge", "align.ppo"}, ofTrain...)...)
	return c
}

// What alignOptions.Objective says of the two commands.
const (
	preferenceObjective = "preference"
	ppoObjective        = "ppo"
)

// alignOptions are a run's settings besides those of train.
type alignOptions struct {
	Objective  string  `json:"objective"`
	RewardHead bool    `json:"reward_head" flag:"reward-head" help:"the reward is a scalar layer on the features, kept in heads.safetensors, instead of the model's own score"`
	KeepNear   float64 `json:"keep_near" flag:"keep-near" arg:"share" help:"at the end mix this share of the model as it was into the weights (WiSE-FT): 0.3"`
	L2SP       float64 `json:"l2_sp" flag:"l2-sp" arg:"x" help:"strength of the pull back to the model as it was (L2-SP): a step goes rate * x of the way, so 1000 at a rate of 1e-4 is a tenth"`
	ppoOptions
}

// on says whether a run is an alignment.
func (o alignOptions) on() bool { return o.Objective != "" }

// prefers says whether judged pairs are what a run is trained on.
func (o alignOptions) prefers() bool { return o.Objective == preferenceObjective }

// rewards says whether a captioner is tuned against a reward.
func (o alignOptions) rewards() bool { return o.Objective == ppoObjective }

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
func (o *trainOptions) validateAlign() error {
	if o.Align.rewards() {
		return errors.Join(o.Align.Validate(), o.validatePPO())
	}
	if o.Align.on() && o.EMADecay > 0 {
		return errors.Join(o.Align.Validate(), errors.New("ema_decay: it is for train; --keep-near and --l2-sp keep a tuned model steady"))
	}
	return o.Align.Validate()
}

// Validate returns every problem, joined.
func (o alignOptions) Validate() error {
	var errs []error
	if o.on() && !o.prefers() && !o.rewards() {
		errs = append(errs, fmt.Errorf("align.objective: %q is neither %s nor %s", o.Objective, preferenceObjective, ppoObjective))
	}
	if !(o.KeepNear >= 0 && o.KeepNear < 1) {
		errs = append(errs, fmt.Errorf("align.keep_near: %g is not a share in [0, 1)", o.KeepNear))
	}
	if !(o.L2SP >= 0) || math.IsInf(o.L2SP, 0) {
		errs = append(errs, fmt.Errorf("align.l2_sp: %g is not a number from 0 on", o.L2SP))
	}
	return errors.Join(errs...)
}

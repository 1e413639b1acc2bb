package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/run"
)

func newTrain(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "train --train-data SRC --out DIR [--model M]",
		Short: "Train a CLIP model on pictures with captions",
		Long: `train trains an image and a text tower so that a picture and its caption have similar features.

SRC is builtin:emoji, builtin:shapes, a folder of pictures with captions in .txt files beside them, a folder of class
subfolders, a .csv, .tsv, .jsonl or .json table, COCO's captions, Parquet files, or WebDataset shards
(shards/{000..099}.tar): on this machine, on a server (https://), in S3 (s3://), on the hub (hf-hub:datasets/ORG/REPO) or
from a command (pipe:). A::B is a mixture of them, whose sources --train-data-upsampling-factors weights.

The loss is InfoNCE; --siglip takes the sigmoid loss instead, and --mlm-weight adds a masked language model of the captions.
A step may have more pairs than fit into memory: --batch-size 64 --accum-freq 16 contrasts 1,024.

Learning rate, weight decay, epochs and augmentation come from the model's recipe unless they are given; a model that
starts from trained weights takes small steps by default.

--eval TASK=SRC measures further data during the training: zeroshot, retrieval, linear_probe, knn and the other tasks of
eval benchmark. TASK@500 and TASK@1epoch say how often. --keep-best NAME keeps the checkpoint with the best value, such as
imagenet/acc1; --model DIR@best opens it. --patience N ends a run that doesn't become better.

The run directory contains run.json, metrics.jsonl, evaluations.jsonl, checkpoints/, report.html, result.json, log.txt,
skipped.jsonl. Ctrl-C finishes the step and saves; --resume latest continues; the result is bit-identical to an
uninterrupted run.`,
		Example: `  clipgo train --train-data builtin:emoji --out runs/emoji
  clipgo train --train-data photos.csv --val-data val.csv --model ViT-S-32-alt --out runs/photos
  clipgo train --train-data photos.csv --model ViT-B-32 --pretrained w.safetensors --lock-image --out runs/tuned
  clipgo train --train-data builtin:shapes --siglip --dedup-targets --mlm-weight 0.2 --out runs/words
  clipgo train --train-data builtin:shapes --objective coca --out runs/captioner
  clipgo train --train-data builtin:shapes --objective coca --coca-contrastive-loss-weight 0 --lock-image \
    --model runs/captioner --out runs/tuned
  clipgo train --train-data photos.csv --model ViT-S-32-alt --eval zeroshot@1epoch=imagenet=imagenet/val \
    --keep-best imagenet/acc1 --patience 5 --out runs/followed
  clipgo train --resume latest --out runs/photos`,
		Args: cobra.NoArgs,
	}
	c.RunE = a.trains(c, "", "align")
	return c
}

// trains adds the flags of a command that trains, and returns what it does. objective is align's, empty in train; without lists
// the settings that the command has no flags for.
func (a *app) trains(c *cobra.Command, objective string, without ...string) func(*cobra.Command, []string) error {
	options := run.Default()
	b := cli.Bind(c, &options, without...)
	return func(c *cobra.Command, _ []string) error {
		user, err := b.Layers()
		if err != nil {
			return err
		}
		fixed := config.Layer{}
		if objective != "" {
			fixed.Put(config.Command, "align.objective", objective)
		}
		o, _, err := run.Resolve(c.Context(), a.console.findModel, append([]config.Layer{fixed}, user...)...)
		if err != nil {
			return err
		}
		// A reader of stdout or stderr that has gone is no reason to lose the steps since the last checkpoint.
		signal.Ignore(syscall.SIGPIPE)
		err = a.train(c.Context(), o)
		if stopped, ok := errors.AsType[*run.InterruptedError](err); ok {
			return fmt.Errorf("%w. Resume with: %s --resume latest --out %s", stopped, c.CommandPath(), o.Out)
		}
		return err
	}
}

// train runs one sitting and prints how it ended.
func (a *app) train(ctx context.Context, o *run.Options) error {
	c := a.console
	r, err := run.Train(ctx, o, run.Console{Log: c.log, Say: c.say, Find: c.findModel, Hook: a.afterStep, Version: version,
		Bar: func(what string, total int64) run.Bar {
			return stepBar{c.barOnly(what, total)}
		}})
	if err != nil {
		return err
	}
	if r == nil { // another process of the run has the result
		return nil
	}
	if c.json {
		return c.result(r.Values)
	}
	for _, line := range r.Text {
		c.print("%s", line)
	}
	return nil
}

// stepBar is a progress bar as a run wants it.
type stepBar struct{ *progress }

// Set moves the bar.
func (b stepBar) Set(at int64) { b.set(at) }

// Describe replaces the text before the bar.
func (b stepBar) Describe(text string) { b.describe(text) }

// Shown says whether there is a bar.
func (b stepBar) Shown() bool { return b.hasBar() }

// Done takes the bar away.
func (b stepBar) Done() { b.done() }

// ofTrain are settings that align has no flags for.
var ofTrain = []string{
	"accum_freq", "ema_decay", "objective", "siglip", "coca_contrastive_loss_weight", "coca_caption_loss_weight", "dedup_targets",
	"mlm_weight", "loss", "model_cfg", "aug_cfg", "length_bucketing", "bucket_pool", "zeroshot_frequency",
	"train_data_upsampling_factors", "train_num_samples",
}

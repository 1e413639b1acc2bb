package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newTrain(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "train --train-data SRC --out DIR [--model M]",
		Short: "Train a CLIP model on pictures with captions",
		Long: `train trains an image and a text tower so that a picture and its caption have similar features.

SRC is builtin:emoji, builtin:shapes, a folder of pictures with captions in .txt files beside them, a folder of class
subfolders, a .csv, .tsv or .jsonl table, or WebDataset shards (shards/{000..099}.tar).

The loss is InfoNCE; --siglip takes the sigmoid loss instead, and --mlm-weight adds a masked language model of the captions.
A step may have more pairs than fit into memory: --batch-size 64 --accum-freq 16 contrasts 1,024.

Learning rate, weight decay, epochs and augmentation come from the model's recipe unless they are given; a model that
starts from trained weights takes small steps by default. The run
directory has everything: run.json, metrics.jsonl, checkpoints/, report.html, log.txt, skipped.jsonl. Ctrl-C finishes
the step and saves; --resume latest goes on from there, to the same weights as if nothing had happened.`,
		Example: `  clipgo train --train-data builtin:emoji --out runs/emoji
  clipgo train --train-data photos.csv --val-data val.csv --model ViT-S-32-alt --out runs/photos
  clipgo train --train-data photos.csv --model ViT-B-32 --pretrained w.safetensors --lock-image --out runs/tuned
  clipgo train --train-data builtin:shapes --siglip --dedup-targets --mlm-weight 0.2 --out runs/words
  clipgo train --train-data builtin:shapes --objective coca --out runs/captioner
  clipgo train --train-data builtin:shapes --objective coca --coca-contrastive-loss-weight 0 --lock-image --model runs/captioner --out runs/tuned
  clipgo train --resume latest --out runs/photos`,
		Args: cobra.NoArgs,
	}
	k := newKnobs(c)
	trainFlags(k)
	c.RunE = a.trains(k)
	return c
}

// trains is what each command that trains does with its settings.
func (a *app) trains(k *knobs) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		o, err := resolveTrain(k, a.console.finder(c.Context()))
		if err != nil {
			return err
		}
		return train(c.Context(), a, o)
	}
}

func trainFlags(k *knobs) {
	k.runFlags()
	k.flag("accum-freq", "accum_freq", "k", "batches of --batch-size in one step: the loss contrasts all their pairs, the memory is that of one (default 1)")
	k.flag("ema-decay", "ema_decay", "x", "save and evaluate a moving average of the weights, such as 0.999; 0: none")
	k.flag("objective", "objective", "name", "clip: InfoNCE; siglip: sigmoid; coca: InfoNCE and captions (default clip)")
	k.flag("coca-contrastive-loss-weight", "coca_contrastive_loss_weight", "x", "weight of objective coca's InfoNCE (default 1); 0 with --lock-image tunes a captioner")
	k.flag("coca-caption-loss-weight", "coca_caption_loss_weight", "x", "weight of objective coca's captions (default 2)")
	k.flag("siglip", "siglip", "", "the same as --objective siglip")
	k.flag("dedup-targets", "dedup_targets", "", "equal captions of a batch, and those of pictures with the same captions, are no wrong answers: they share the target, and with siglip belong to each other's pictures")
	k.flag("mlm-weight", "mlm_weight", "w", "also restore masked words of the captions, with this weight; the head stays in heads.safetensors (0: don't)")
	k.flag("label-smoothing", "loss.label_smoothing", "x", "share of the target spread over the wrong captions; of objective coca over the wrong tokens too")
	k.flag("label-smoothing-form", "loss.label_smoothing_form", "name", "others: over the wrong ones; classes: over all, as PyTorch does")
	k.flag("force-image-size", "model_cfg.vision_cfg.image_size", "pixels", "side of the pictures, other than the model's: positions are interpolated")
	k.flag("force-context-length", "model_cfg.text_cfg.context_length", "N", "tokens of a caption, other than the model's: positions are interpolated")
	k.flag("force-patch-dropout", "model_cfg.vision_cfg.patch_dropout", "x", "share of patches left out in training")
	k.list("aug-cfg", "aug_cfg", "key=value", "augmentation, with open_clip's names: scale=0.5,1 (repeated)")
	k.flag("length-bucketing", "length_bucketing", "", "batches of captions of similar length: less of the text is padding")
	k.flag("bucket-pool", "bucket_pool", "N", "samples that --length-bucketing sorts at a time, before they are decoded (default 2048)")
	k.flag("zeroshot-frequency", "zeroshot_frequency", "steps", "steps between zero-shot evaluations, where --val-data has classes")
}

// runFlags are those of every command that trains.
func (k *knobs) runFlags() {
	k.flag("train-data", "train_data", "SRC", "what to train on")
	k.flag("val-data", "val_data", "SRC", "what to evaluate on")
	k.flag("out", "out", "dir", "run directory")
	k.flag("model", "model", "M", "config name, config file, or a trained model to start from (hf-hub:ORG/REPO too)")
	k.flag("pretrained", "pretrained", "file", "weights (.safetensors, .pt, .bin) to start from")
	k.dataFlags("data.")
	k.flag("batch-size", "batch_size", "N", "pairs that go through the model at once, and make a step with --accum-freq 1; auto: the most that fit into memory")
	k.flag("epochs", "epochs", "N", "passes over the data")
	k.flag("steps", "steps", "N", "optimizer steps, instead of --epochs")
	k.flag("lr", "optim.lr", "rate", "highest learning rate")
	k.flag("beta1", "optim.beta1", "x", "AdamW's decay of the mean (default 0.9)")
	k.flag("beta2", "optim.beta2", "x", "AdamW's decay of the variance (default 0.98)")
	k.flag("eps", "optim.eps", "x", "AdamW's epsilon (default 1e-6)")
	k.flag("wd", "optim.wd", "x", "weight decay")
	k.flag("wd-exclude", "optim.wd_exclude", "a,b", "glob patterns of parameters that don't decay, besides norms and biases")
	k.flag("warmup", "schedule.warmup", "steps", "steps of rising rate (default 5 % of the run, at most 10000, or 500 from trained weights)")
	k.flag("lr-scheduler", "schedule.lr_scheduler", "name", "cosine, const or const-cooldown (default cosine)")
	k.flag("grad-clip-norm", "optim.grad_clip_norm", "x", "clip the gradient to this norm; 0: don't")
	k.flag("lock-image", "lock_image", "", "keep the image tower as it is")
	k.flag("lock-image-unlocked-groups", "lock_image_unlocked_groups", "N", "train the last N groups of the locked image tower: 1 the projection, 2 the last block too, ...")
	k.flag("lock-text", "lock_text", "", "keep the text tower as it is")
	k.flag("lock-text-unlocked-layers", "lock_text_unlocked_layers", "N", "train the last N groups of the locked text tower")
	k.flag("lock-logit-scale", "lock_logit_scale", "", "keep the temperature as it is")
	k.flag("workers", "workers", "N", "goroutines that read and decode")
	k.flag("max-skip", "max_skip", "share", "share of samples that may be unusable (default 0.01)")
	k.flag("seed", "seed", "N", "seed of everything random (default 0)")
	k.machineFlags("")
	k.flag("grad-checkpointing", "grad_checkpointing", "", "compute each block again on the way back instead of keeping what it computed: less memory, up to a third more time, the same numbers")
	k.flag("resume", "resume", "latest|path", "go on from a checkpoint of --out, or of a path")
	k.flag("stop-after", "stop_after", "N", "end this sitting after N steps; the schedule stays that of the whole run")
	k.flag("save-frequency", "save_frequency", "steps", "steps between checkpoints (default 1000, or 5 minutes)")
	k.flag("keep", "keep", "N", "checkpoints that stay (default 3)")
	k.flag("val-frequency", "val_frequency", "steps", "steps between evaluations (default a fifth of the run)")
	k.flag("log-frequency", "log_frequency", "steps", "steps between lines of metrics.jsonl (default 10)")
	k.flag("allow-data-change", "allow_data_change", "", "resume although the data is not what it was; the epoch starts anew")
}

// describe names what --help and errors call a number of steps.
func describe(n int) string {
	if n == 1 {
		return "1 step"
	}
	return fmt.Sprintf("%d steps", n)
}

package run

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/optim"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/vision/preprocess"
)

// Options is a resolved run: run.json holds it.
type Options struct {
	Model      string       `json:"model" flag:"model" arg:"M" help:"config name, config file, or a trained model to start from (hf-hub:ORG/REPO too)"`
	Pretrained string       `json:"pretrained,omitempty" flag:"pretrained" arg:"file" help:"weights (.safetensors, .pt, .bin) or open_clip's tag (openai) to start from"`
	ModelCfg   model.Config `json:"model_cfg"`

	TrainData string           `json:"train_data" flag:"train-data" arg:"SRC" help:"what to train on"`
	ValData   string           `json:"val_data" flag:"val-data" arg:"SRC" help:"what to evaluate on"`
	Data      datasets.Options `json:"data"`
	Templates []string         `json:"templates"` // prompts that fit what is trained on
	Workers   int              `json:"workers" min:"1" max:"1024" flag:"workers" arg:"N" help:"goroutines that read and decode (default one for each core)"`
	// ShuffleBuffer concerns data that can only be read from its beginning to its end.
	ShuffleBuffer int `json:"shuffle_buffer" min:"1" max:"10000000" help:"samples among which data that is read in sequence is shuffled"`

	mixing
	MaxSkip float64 `json:"max_skip" min:"0" max:"1" flag:"max-skip" arg:"share" help:"abort when more than this fraction of samples can't be used (default 0.01)"`

	batching
	bucketOptions
	Epochs         float64             `json:"epochs" max:"1000000" flag:"epochs" arg:"N" help:"passes over the data (default of the recipe)"`
	Steps          int                 `json:"steps" max:"1000000000" flag:"steps" arg:"N" help:"optimizer steps, instead of --epochs"`
	EpochsCooldown float64             `json:"epochs_cooldown,omitempty" min:"0" max:"1000000" flag:"epochs-cooldown" arg:"N" help:"epochs of falling rate at the end, for --lr-scheduler const-cooldown"`
	Optim          optim.Config        `json:"optim"`
	Schedule       optim.Schedule      `json:"schedule"`
	Loss           contrastive.InfoNCE `json:"loss"`
	objectiveOptions
	model.Lock
	EMADecay   float64           `json:"ema_decay" flag:"ema-decay" arg:"x" help:"save and evaluate a moving average of the weights, such as 0.999; 0: none"`
	Preprocess preprocess.Config `json:"preprocess"`
	preprocess.Limits
	Augment preprocess.Augment `json:"aug_cfg" flag:"aug-cfg" arg:"key=value" help:"augmentation, with open_clip's names: scale=0.5,1 (repeated)"`
	Seed    uint64             `json:"seed" flag:"seed" arg:"N" help:"random seed (default 0)"`
	Align   alignOptions       `json:"align,omitzero"` // of align; zero in an ordinary training
	pretrained.Machine
	GradCheckpointing bool `json:"grad_checkpointing,omitempty" flag:"grad-checkpointing" help:"recompute activations in the backward pass: less memory, up to a third more time, identical results"`

	Out               string    `json:"out" flag:"out" arg:"dir" help:"run directory"`
	Resume            string    `json:"resume,omitempty" flag:"resume" arg:"latest|path" help:"continue from the latest checkpoint of --out, or from a path"`
	DiscardLater      bool      `json:"discard_later,omitempty" flag:"discard-later" help:"with --resume PATH: delete later checkpoints of the run"`
	StopAfter         int       `json:"stop_after,omitempty" min:"0" max:"1000000000" flag:"stop-after" arg:"N" help:"stop after N steps of this invocation; the learning-rate schedule is unchanged"`
	SaveFrequency     frequency `json:"save_frequency" flag:"save-frequency" arg:"steps" help:"steps between checkpoints, or epochs: 1epoch (default 1000, or 5 minutes)"`
	SaveMinutes       int       `json:"save_minutes" min:"0" max:"1000000"`
	Keep              int       `json:"keep" min:"1" max:"1000000" flag:"keep" arg:"N" help:"number of most recent checkpoints to keep (default 3)"`
	ValFrequency      frequency `json:"val_frequency" flag:"val-frequency" arg:"steps" help:"steps between evaluations, or epochs: 1epoch (default a fifth of the run)"`
	ZeroshotFrequency frequency `json:"zeroshot_frequency" flag:"zeroshot-frequency" arg:"steps" help:"steps, or epochs, between zero-shot evaluations, where --val-data has classes"`
	evaluationOptions
	DistTimeout     int  `json:"dist_timeout" min:"1" max:"86400" flag:"dist-timeout" arg:"seconds" help:"with several processes: how long one waits for the others before it fails (default 60)"`
	ShardOptimizer  bool `json:"shard_optimizer,omitempty" flag:"shard-optimizer" help:"with several processes: each keeps a part of the optimizer's state; less memory, identical results"`
	LogFrequency    int  `json:"log_frequency" min:"1" max:"1000000000" flag:"log-frequency" arg:"steps" help:"steps between lines of metrics.jsonl (default 10)"`
	AllowDataChange bool `json:"allow_data_change,omitempty" flag:"allow-data-change" help:"resume even if the training data has changed; restarts the current epoch"`

	source      pretrained.Source
	maxWarmup   int
	biasOfBatch bool     // logit_bias starts from the batch's size
	Changes     []string `json:"-"` // what a resumed run does otherwise than before
}

// Unset stands for a number that is worked out from others unless it is given.
const Unset = -1

// mostEpochs bounds numbers of epochs.
const mostEpochs = 1_000_000

// Default is a run before its recipe and what the user says.
func Default() Options {
	return Options{
		Workers: runtime.GOMAXPROCS(0), MaxSkip: 0.01, ShuffleBuffer: datasets.DefaultBuffer, Epochs: Unset, Steps: Unset,
		batching: batching{BatchSize: Unset, AccumFreq: 1}, bucketOptions: bucketOptions{Pool: 2048},
		Optim: optim.Default(), Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: Unset},
		maxWarmup:        contrastive.DefaultRecipe().MaxWarmup,
		Loss:             contrastive.InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}},
		objectiveOptions: objectiveOptions{Objective: clipObjective, Weights: captioning.DefaultWeights()},
		Preprocess:       preprocess.Default(), Limits: preprocess.DefaultLimits(), Augment: preprocess.DefaultAugment(),
		Machine:       pretrained.DefaultMachine(),
		SaveFrequency: frequency{steps: 1000}, SaveMinutes: 5, Keep: 3, ValFrequency: frequency{steps: Unset},
		ZeroshotFrequency: frequency{steps: Unset}, LogFrequency: 10, DistTimeout: 60,
	}
}

// validate returns all problems, joined, as one usage error.
func (o *Options) validate(settings config.Layer) error {
	err := errors.Join(
		config.Check(o),
		o.validateLengths(),
		o.validateBatch(),
		o.validateBuckets(),
		o.validateMixing(),
		o.validateSize(),
		o.ModelCfg.Validate(),
		o.Preprocess.Validate(),
		o.Augment.Validate(),
		o.Optim.Validate(),
		o.validateSchedule(),
		o.Loss.Validate(),
		o.validateObjective(),
		o.Lock.Validate(),
		o.validateAverage(),
		o.validateAlign(),
		o.validateEvaluations(),
		o.Machine.Validate(),
		o.Machine.Trains(),
	)
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = located(line, settings)
	}
	return fault.Usagef("%s", strings.Join(lines, "; "))
}

// located puts in front of a message about a setting where the user set it: the file and line, or the flag. A message begins with the
// setting's key, or with the end of it behind a dot.
func located(message string, settings config.Layer) string {
	end := strings.IndexAny(message, ": ")
	if end < 0 {
		return message
	}
	name, rest := message[:end], message[end:]
	for _, key := range append([]string{name}, settings.Sorted()...) {
		if key != name && !strings.HasSuffix(key, "."+name) {
			continue
		}
		switch v := settings[key]; {
		case v.Origin == config.File:
			return v.Where + ": " + key + rest
		case v.Origin == config.Flag && v.Where != "":
			return v.Where + rest
		}
	}
	return message
}

// validateLengths checks the numbers of steps and epochs that may be Unset.
func (o *Options) validateLengths() error {
	var errs []error
	for _, n := range []struct {
		key      string
		v, least int
	}{{"steps", o.Steps, 1}, {"val_frequency", o.ValFrequency.steps, 0}, {"zeroshot_frequency", o.ZeroshotFrequency.steps, 0}} {
		if n.v < n.least && n.v != Unset {
			errs = append(errs, fmt.Errorf("%s: %d is less than %d", n.key, n.v, n.least))
		}
	}
	if !(o.Epochs > 0) && o.Epochs != Unset || math.IsInf(o.Epochs, 0) {
		errs = append(errs, fmt.Errorf("epochs: %g is not a positive number", o.Epochs))
	}
	return errors.Join(errs...)
}

// validateSize checks that pictures have the size that the model takes.
func (o *Options) validateSize() error {
	if o.Preprocess.Size != o.ModelCfg.Vision.ImageSize {
		return fmt.Errorf("preprocess.size: %d, but model_cfg.vision_cfg.image_size is %d", o.Preprocess.Size, o.ModelCfg.Vision.ImageSize)
	}
	return nil
}

// validateSchedule checks what doesn't depend on the number of steps, which may depend on the data: openData checks again.
func (o *Options) validateSchedule() error {
	schedule := o.Schedule
	switch cools := schedule.Kind == optim.ConstCooldown; {
	case cools && schedule.Cooldown == 0 && o.EpochsCooldown == 0:
		return errors.New("epochs_cooldown: missing; const-cooldown needs its length in epochs, or in steps: schedule.cooldown")
	case !cools && o.EpochsCooldown > 0:
		return fmt.Errorf("epochs_cooldown: has an effect only with lr_scheduler const-cooldown, not %s", schedule.Kind)
	}
	if schedule.Warmup == Unset {
		schedule.Warmup = 0
	}
	schedule.Steps = max(schedule.Steps, schedule.Cooldown)
	return schedule.Validate()
}

func (o *Options) validateAverage() error {
	if !(o.EMADecay >= 0 && o.EMADecay < 1) {
		return fmt.Errorf("ema_decay: %g is not in [0, 1)", o.EMADecay)
	}
	return nil
}

// length works out what depends on the number of samples in an epoch.
func (o *Options) length(samples int) {
	epoch := float64(samples) / float64(o.global()) * float64(o.Align.updates())
	if o.Steps == Unset {
		o.Steps = max(1, int(math.Ceil(o.Epochs*float64(samples)/float64(o.global())))) * o.Align.updates()
	}
	o.Schedule.Steps = o.Steps
	if o.EpochsCooldown > 0 {
		o.Schedule.Cooldown = max(1, int(math.Round(o.EpochsCooldown*epoch)))
	}
	if o.Schedule.Warmup == Unset {
		o.Schedule.Warmup = min(o.maxWarmup, o.Steps/20)
	}
	fifth := max(1, (o.Steps+4)/5)
	o.SaveFrequency.settle(epoch, Default().SaveFrequency.steps)
	o.ValFrequency.settle(epoch, fifth)
	o.ZeroshotFrequency.settle(epoch, fifth)
	o.settleEvals(epoch)
}

// end is the position after the last sample of the run.
func (o *Options) end(samples int) int64 {
	if o.Epochs == Unset || o.Align.rewards() { // rounds are whole
		return math.MaxInt64
	}
	return int64(math.Ceil(o.Epochs * float64(samples)))
}

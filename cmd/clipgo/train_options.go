package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/vision/preprocess"
)

// trainOptions is a resolved run: run.json holds it.
type trainOptions struct {
	Model      string       `json:"model"`
	Pretrained string       `json:"pretrained,omitempty"`
	ModelCfg   model.Config `json:"model_cfg"`

	TrainData string           `json:"train_data"`
	ValData   string           `json:"val_data"`
	Data      datasets.Options `json:"data"`
	Templates []string         `json:"templates"` // prompts that fit what is trained on
	Workers   int              `json:"workers"`
	MaxSkip   float64          `json:"max_skip"`

	batching
	bucketOptions
	Epochs   float64             `json:"epochs"`
	Steps    int                 `json:"steps"`
	Optim    optim.Config        `json:"optim"`
	Schedule optim.Schedule      `json:"schedule"`
	Loss     contrastive.InfoNCE `json:"loss"`
	objectiveOptions
	model.Lock
	EMADecay   float64            `json:"ema_decay"` // 0: no average
	Preprocess preprocess.Config  `json:"preprocess"`
	Augment    preprocess.Augment `json:"aug_cfg"`
	Seed       uint64             `json:"seed"`
	Align      alignOptions       `json:"align,omitzero"` // of align; zero in an ordinary training
	machine
	GradCheckpointing bool `json:"grad_checkpointing,omitempty"`

	Out               string `json:"out"`
	Resume            string `json:"resume,omitempty"`
	StopAfter         int    `json:"stop_after,omitempty"`
	SaveFrequency     int    `json:"save_frequency"`
	SaveMinutes       int    `json:"save_minutes"`
	Keep              int    `json:"keep"`
	ValFrequency      int    `json:"val_frequency"`
	ZeroshotFrequency int    `json:"zeroshot_frequency"`
	LogFrequency      int    `json:"log_frequency"`
	AllowDataChange   bool   `json:"allow_data_change,omitempty"`

	source      modelSource
	maxWarmup   int
	biasOfBatch bool     // logit_bias starts from the batch's size
	changes     []string // what a resumed run does otherwise than before
}

// unset stands for a number that is worked out from others unless it is given.
const unset = -1

func defaultTrain() trainOptions {
	return trainOptions{
		Workers: runtime.GOMAXPROCS(0), MaxSkip: 0.01, batching: batching{BatchSize: unset, AccumFreq: 1}, Epochs: unset, Steps: unset, bucketOptions: bucketOptions{Pool: 2048},
		Optim: optim.Default(), Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: unset},
		Loss:       contrastive.InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}},
		Preprocess: preprocess.Default(), Augment: preprocess.DefaultAugment(), machine: defaultMachine(),
		objectiveOptions: objectiveOptions{Weights: captioning.DefaultWeights()},
		maxWarmup:        contrastive.DefaultRecipe().MaxWarmup, SaveFrequency: 1000, SaveMinutes: 5, Keep: 3, ValFrequency: unset, ZeroshotFrequency: unset, LogFrequency: 10,
	}
}

// validate returns all problems, joined, as one usage error.
func (o *trainOptions) validate() error {
	var errs []error
	least := func(key string, v, low int) {
		if v < low && v != unset {
			errs = append(errs, fmt.Errorf("%s: %d is less than %d", key, v, low))
		}
	}
	least("workers", o.Workers, 1)
	least("steps", o.Steps, 1)
	least("stop_after", o.StopAfter, 0)
	least("save_frequency", o.SaveFrequency, 0)
	least("keep", o.Keep, 1)
	least("val_frequency", o.ValFrequency, 0)
	least("zeroshot_frequency", o.ZeroshotFrequency, 0)
	least("log_frequency", o.LogFrequency, 1)
	if o.Workers < 1 || o.LogFrequency < 1 || o.Keep < 1 {
		errs = append(errs, errors.New("workers, keep and log_frequency are at least 1"))
	}
	if !(o.Epochs > 0) && o.Epochs != unset || math.IsInf(o.Epochs, 0) {
		errs = append(errs, fmt.Errorf("epochs: %g is not a positive number", o.Epochs))
	}
	if o.MaxSkip < 0 || o.MaxSkip > 1 {
		errs = append(errs, fmt.Errorf("max_skip: %g is not a share between 0 and 1", o.MaxSkip))
	}
	if !(o.EMADecay >= 0 && o.EMADecay < 1) {
		errs = append(errs, fmt.Errorf("ema_decay: %g is not in [0, 1)", o.EMADecay))
	}
	if o.Preprocess.Size != o.ModelCfg.Vision.ImageSize {
		errs = append(errs, fmt.Errorf("preprocess.size: %d, but model_cfg.vision_cfg.image_size is %d", o.Preprocess.Size, o.ModelCfg.Vision.ImageSize))
	}
	errs = append(errs, o.validateBatch(), o.ModelCfg.Validate(), o.Optim.Validate(), o.Loss.Validate(), o.Lock.Validate(), o.Preprocess.Validate(), o.Augment.Validate(), o.validateObjective(), o.validateAlign(), o.validateBuckets(), o.machine.validate())
	schedule := o.Schedule
	if schedule.Warmup == unset {
		schedule.Warmup = 0
	}
	schedule.Steps = max(schedule.Steps, schedule.Cooldown) // the length may depend on the data: openData looks again
	errs = append(errs, schedule.Validate())
	if err := errors.Join(errs...); err != nil {
		return usagef("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// length works out what depends on the number of samples.
func (o *trainOptions) length(samples int) {
	if o.Steps == unset {
		o.Steps = max(1, int(math.Ceil(o.Epochs*float64(samples)/float64(o.effective())))) * o.Align.updates()
	}
	o.Schedule.Steps = o.Steps
	if o.Schedule.Warmup == unset {
		o.Schedule.Warmup = min(o.maxWarmup, o.Steps/20)
	}
	for _, every := range []*int{&o.ValFrequency, &o.ZeroshotFrequency} {
		if *every == unset {
			*every = max(1, (o.Steps+4)/5)
		}
	}
}

// end is the position after the last sample of the run.
func (o *trainOptions) end(samples int) int64 {
	if o.Epochs == unset || o.Align.rewards() { // rounds are whole
		return math.MaxInt64
	}
	return int64(math.Ceil(o.Epochs * float64(samples)))
}

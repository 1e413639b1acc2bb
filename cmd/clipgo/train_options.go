package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/vision/preprocess"
)

// trainOptions is a resolved run: run.json holds it.
type trainOptions struct {
	Model      string             `json:"model"`
	Pretrained string             `json:"pretrained,omitempty"`
	ModelCfg   contrastive.Config `json:"model_cfg"`

	TrainData string           `json:"train_data"`
	ValData   string           `json:"val_data"`
	Data      datasets.Options `json:"data"`
	Templates []string         `json:"templates"` // prompts that fit what is trained on
	Workers   int              `json:"workers"`
	MaxSkip   float64          `json:"max_skip"`

	BatchSize      int                 `json:"batch_size"`
	Epochs         float64             `json:"epochs"`
	Steps          int                 `json:"steps"`
	Optim          optim.Config        `json:"optim"`
	Schedule       optim.Schedule      `json:"schedule"`
	Loss           contrastive.InfoNCE `json:"loss"`
	LockLogitScale bool                `json:"lock_logit_scale"`
	Preprocess     preprocess.Config   `json:"preprocess"`
	Augment        preprocess.Augment  `json:"aug_cfg"`
	Seed           uint64              `json:"seed"`
	machine

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

	source modelSource
}

// unset stands for a number that is worked out from others unless it is given.
const unset = -1

func defaultTrain() trainOptions {
	return trainOptions{
		Workers: runtime.GOMAXPROCS(0), MaxSkip: 0.01, BatchSize: unset, Epochs: unset, Steps: unset,
		Optim: optim.Default(), Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: unset},
		Loss:       contrastive.InfoNCE{Form: contrastive.SmoothOthers},
		Preprocess: preprocess.Default(), Augment: preprocess.DefaultAugment(), machine: defaultMachine(),
		SaveFrequency: 1000, SaveMinutes: 5, Keep: 3, ValFrequency: unset, ZeroshotFrequency: unset, LogFrequency: 10,
	}
}

// resolveTrain works the options out: defaults, then the recipe of the model and the data, then what the user says. A
// resumed run starts from its own run.json instead of defaults and recipe.
func resolveTrain(k *knobs) (*trainOptions, error) {
	wish := defaultTrain()
	if err := k.apply(&wish); err != nil {
		return nil, err
	}
	if wish.Out == "" {
		return nil, usagef("--out is missing: the directory that the run is written to")
	}
	o, resumed, err := storedRun(wish)
	if err != nil {
		return nil, err
	}
	if !resumed {
		if o, err = recipeRun(wish); err != nil {
			return nil, err
		}
	}
	if resumed && wish.Model != "" && wish.Model != o.Model {
		return nil, usagef("--model: this run began with %s; %s is another run", o.Model, wish.Model)
	}
	before := o.ModelCfg
	if err := k.apply(o); err != nil {
		return nil, err
	}
	if !sameFields(before, o.ModelCfg) {
		o.source.Config = o.ModelCfg
	}
	if k.given("epochs") && k.given("steps") {
		return nil, usagef("--epochs and --steps exclude each other: one length at a time")
	}
	steps, epochs := wish.Steps != unset, wish.Epochs != unset // a run.json says both
	switch {
	case k.given("steps"), steps && !epochs:
		o.Epochs = unset
	case k.given("epochs"), epochs && !steps:
		o.Steps = unset
	}
	return o, o.validate()
}

// recipeRun is a new run's options before the user's own.
func recipeRun(wish trainOptions) (*trainOptions, error) {
	if wish.TrainData == "" {
		return nil, usagef("--train-data is missing: builtin:emoji is a start without any data of your own")
	}
	o := defaultTrain()
	recipe, err := contrastive.NamedRecipe(wish.Model, wish.TrainData)
	if err != nil {
		return nil, err
	}
	o.Model = wish.Model
	if o.Model == "" {
		o.Model = recipe.Model
	}
	if o.Model == "" {
		if src, err := datasets.Open(wish.TrainData, wish.Data); err != nil {
			return nil, err // a misspelt built-in set has no recipe either
		} else if err := src.Close(); err != nil {
			return nil, err
		}
		return nil, usagef("--model is missing: only the built-in sets choose one themselves (clipgo info --list shows the configs)")
	}
	if o.source, err = findModel(o.Model, wish.Pretrained); err != nil {
		return nil, err
	}
	o.ModelCfg, o.Preprocess = o.source.Config, o.source.Preprocess
	o.Optim.LR, o.Optim.WD, o.Optim.GradClipNorm = recipe.LR, recipe.WD, recipe.GradClip
	o.BatchSize, o.Epochs, o.Augment = recipe.BatchSize, recipe.Epochs, recipe.Augment
	return &o, nil
}

// storedRun is a run's own run.json, where the user resumes one.
func storedRun(wish trainOptions) (*trainOptions, bool, error) {
	if wish.Resume == "" {
		return nil, false, nil
	}
	path := filepath.Join(wish.Out, runFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	o := defaultTrain()
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, false, &modelError{path, err.Error()}
	}
	// Its weights are a checkpoint's, or else found again.
	o.source = modelSource{Name: o.Model, Config: o.ModelCfg, Preprocess: o.Preprocess}
	o.StopAfter, o.AllowDataChange = 0, false // of the sitting before, not of the run
	return &o, true, nil
}

// validate returns all problems, joined, as one usage error.
func (o *trainOptions) validate() error {
	var errs []error
	least := func(key string, v, low int) {
		if v < low && v != unset {
			errs = append(errs, fmt.Errorf("%s: %d is less than %d", key, v, low))
		}
	}
	least("batch_size", o.BatchSize, 1)
	least("workers", o.Workers, 1)
	least("steps", o.Steps, 1)
	least("stop_after", o.StopAfter, 0)
	least("save_frequency", o.SaveFrequency, 0)
	least("keep", o.Keep, 1)
	least("val_frequency", o.ValFrequency, 0)
	least("zeroshot_frequency", o.ZeroshotFrequency, 0)
	least("log_frequency", o.LogFrequency, 1)
	if o.Workers < 1 || o.LogFrequency < 1 || o.Keep < 1 || o.BatchSize < 1 {
		errs = append(errs, errors.New("batch_size, workers, keep and log_frequency are at least 1"))
	}
	if !(o.Epochs > 0) && o.Epochs != unset || math.IsInf(o.Epochs, 0) {
		errs = append(errs, fmt.Errorf("epochs: %g is not a positive number", o.Epochs))
	}
	if o.MaxSkip < 0 || o.MaxSkip > 1 {
		errs = append(errs, fmt.Errorf("max_skip: %g is not a share between 0 and 1", o.MaxSkip))
	}
	if o.Preprocess.Size != o.ModelCfg.Vision.ImageSize {
		errs = append(errs, fmt.Errorf("preprocess.size: %d, but model_cfg.vision_cfg.image_size is %d", o.Preprocess.Size, o.ModelCfg.Vision.ImageSize))
	}
	errs = append(errs, o.ModelCfg.Validate(), o.Optim.Validate(), o.Loss.Validate(), o.Preprocess.Validate(), o.Augment.Validate(), o.machine.validate())
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
		o.Steps = max(1, int(math.Ceil(o.Epochs*float64(samples)/float64(o.BatchSize))))
	}
	o.Schedule.Steps = o.Steps
	if o.Schedule.Warmup == unset {
		o.Schedule.Warmup = min(10000, o.Steps/20)
	}
	for _, every := range []*int{&o.ValFrequency, &o.ZeroshotFrequency} {
		if *every == unset {
			*every = max(1, (o.Steps+4)/5)
		}
	}
}

// end is the position after the last sample of the run.
func (o *trainOptions) end(samples int) int64 {
	if o.Epochs == unset {
		return math.MaxInt64
	}
	return int64(math.Ceil(o.Epochs * float64(samples)))
}

package main

import (
	"path/filepath"

	"clipgo/alignment"
	"clipgo/contrastive"
	"clipgo/datasets"
)

// resolveTrain works the options out: defaults, then the recipe of the model and the data, then what the user says. A
// resumed run starts from its own run.json instead of defaults and recipe.
func resolveTrain(k *knobs, find finder) (*trainOptions, error) {
	wish := defaultTrain()
	if err := k.apply(&wish); err != nil {
		return nil, err
	}
	if err := wish.contradictions(k); err != nil {
		return nil, err
	}
	o, err := storedRun(wish)
	if err != nil {
		return nil, err
	}
	resumed := o != nil
	if !resumed {
		if o, err = recipeRun(wish, find); err != nil {
			return nil, err
		}
	}
	o.settle()
	before, size, side := flatten(o), o.ModelCfg.Vision.ImageSize, o.Preprocess.Size
	if err := k.apply(o); err != nil {
		return nil, err
	}
	if o.ModelCfg.Vision.ImageSize != size && o.Preprocess.Size == side {
		o.Preprocess.Size = o.ModelCfg.Vision.ImageSize
	}
	o.settle()
	if resumed {
		if err := o.compare(before); err != nil {
			return nil, err
		}
	} else {
		o.startSigmoid(before)
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

// contradictions refuses what can't be meant, before anything is looked up.
func (o *trainOptions) contradictions(k *knobs) error {
	if err := o.contradiction(); err != nil {
		return err
	}
	switch {
	case o.Out == "":
		return usagef("--out is missing: the directory that the run is written to")
	case k.given("epochs") && k.given("steps"):
		return usagef("--epochs and --steps exclude each other: one length at a time")
	case k.assigned("schedule.steps"):
		return usagef("--set schedule.steps: the schedule is as long as the run; --steps sets both")
	case o.Resume == "" || o.Resume == "latest":
		return nil
	case !exists(o.Resume):
		return usagef("--resume: there is no checkpoint %s; latest goes on from the newest one in --out", o.Resume)
	case exists(filepath.Join(o.Resume, checkpointsDir)):
		return usagef("--resume: %s is a run, not a checkpoint; go on with --resume latest --out %s", o.Resume, o.Resume)
	}
	return nil
}

// recipeRun is a new run's options before the user's own.
func recipeRun(wish trainOptions, find finder) (*trainOptions, error) {
	if wish.TrainData == "" && wish.Resume != "" {
		return nil, usagef("--resume: %s holds no run to go on with; a new one needs --train-data", wish.Out)
	}
	if wish.TrainData == "" {
		return nil, usagef("--train-data is missing: builtin:emoji is a start without any data of your own")
	}
	o := defaultTrain()
	recipe, err := wish.recipe()
	if err != nil {
		return nil, err
	}
	if wish.Align.on() {
		if wish.Model == "" {
			return nil, usagef("--model is missing: the trained model that is tuned")
		}
		recipeOf := contrastive.PreferenceRecipe
		if wish.Align.rewards() {
			recipeOf, o.Align.PPO, o.Lock.Image = contrastive.PPORecipe, alignment.DefaultPPO(), true
		}
		if recipe, err = recipeOf(wish.TrainData); err != nil {
			return nil, err
		}
	}
	o.Model = wish.Model
	if o.Model == "" {
		o.Model = recipe.Model
	}
	if o.Model == "" {
		return nil, noModel(wish)
	}
	if o.source, err = find(o.Model, wish.Pretrained); err != nil {
		return nil, err
	}
	if o.source.Weights != "" && !wish.Align.on() {
		if recipe, err = recipe.FineTune(); err != nil {
			return nil, err
		}
	}
	o.ModelCfg, o.Preprocess = o.source.Config, o.source.Preprocess
	o.Optim.LR, o.Optim.WD, o.Optim.GradClipNorm, o.maxWarmup = recipe.LR, recipe.WD, recipe.GradClip, recipe.MaxWarmup
	o.DedupTargets = recipe.DedupTargets
	o.BatchSize, o.Epochs, o.Augment = pairCount(recipe.BatchSize), recipe.Epochs, recipe.Augment
	return &o, nil
}

// noModel says why there is none: a misspelt built-in set has no recipe either.
func noModel(wish trainOptions) error {
	src, err := datasets.Open(wish.TrainData, wish.Data)
	if err != nil {
		return err
	}
	if err := src.Close(); err != nil {
		return err
	}
	return usagef("--model is missing: only the built-in sets choose one themselves (clipgo info --list shows the configs)")
}

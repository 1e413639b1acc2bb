package run

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"clipgo/alignment"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/internal/optim"
	"clipgo/internal/paths"
	"clipgo/pretrained"
)

// New returns the options of a run: what settings say, each KEY=VALUE with the keys of run.json, and for all others the recipe of the
// model and the data, the run.json of a run that is resumed (resume=latest), or the default. It returns all errors, joined.
func New(ctx context.Context, settings ...string) (*Options, error) {
	said, err := config.Assign(Default(), config.Assignment, "settings", settings...)
	if err != nil {
		return nil, err
	}
	o, _, err := Resolve(ctx, pretrained.Hub{}.Find, said)
	return o, err
}

// Resolve works out the options of a run: defaults, over them the recipe of the model and the data, or instead of it the
// run.json of a run that is resumed, and over these what the command and the user say. The settings that it returns as well
// know where each of them comes from.
func Resolve(ctx context.Context, find pretrained.Finder, said ...config.Layer) (*Options, config.Layer, error) {
	user := config.Merge(said...)
	if err := refuseUnset(user); err != nil {
		return nil, nil, err
	}
	if err := joinSigLIP(user); err != nil {
		return nil, nil, err
	}
	asked := Default() // what the user says, before the model is known
	user.Decode(&asked)
	if err := asked.contradictions(user); err != nil {
		return nil, nil, err
	}
	o, resumed, err := asked.storedRun()
	if err != nil {
		return nil, nil, err
	}
	settings := config.Of(config.Default, Default())
	if resumed {
		stored := config.Of(config.Stored, o)
		settings = config.Merge(settings, stored, user)
		o.Changes, err = changed(settings, stored, asked.Out)
	} else {
		var recipe config.Layer
		recipe, err = o.recipeOf(ctx, &asked, find)
		settings = config.Merge(settings, recipe, user)
	}
	if err != nil {
		return nil, nil, err
	}
	settings.Decode(&o)
	o.settle(settings, resumed)
	return &o, settings, o.validate(settings)
}

// refuseUnset refuses a flag or an assignment whose value is the number that stands for what isn't set. A config file, such as
// the run.json of another run, may have it.
func refuseUnset(user config.Layer) error {
	for _, key := range []string{"steps", "epochs", "val_frequency", "zeroshot_frequency", "save_frequency", "schedule.warmup"} {
		if v := user[key]; v.Origin >= config.Flag && v.JSON == strconv.Itoa(Unset) {
			return fault.Setting(strings.TrimPrefix(key, "schedule."), "%s is negative", v.JSON)
		}
	}
	return nil
}

// settle decides what depends on where settings come from.
func (o *Options) settle(settings config.Layer, resumed bool) {
	stronger := func(a, b string) bool { return settings.Origin(a) > settings.Origin(b) }
	if stronger("model_cfg.vision_cfg.image_size", "preprocess.size") {
		o.Preprocess.Size = o.ModelCfg.Vision.ImageSize
	}
	switch { // a run.json has both
	case stronger("steps", "epochs"):
		o.Epochs = Unset
	case stronger("epochs", "steps"):
		o.Steps = Unset
	}
	if !resumed {
		o.startSigmoid(settings)
	}
}

// contradictions refuses what can't be meant, before anything is looked up.
func (asked *Options) contradictions(user config.Layer) error {
	switch {
	case asked.Out == "":
		return fault.Setting("out", "missing: the directory that the run is written to")
	case min(user.Origin("epochs"), user.Origin("steps")) >= config.Flag:
		return fault.Setting("steps", "excludes epochs: set one of the two")
	case user.Origin("schedule.steps") == config.Assignment:
		return fault.Usagef("schedule.steps: the schedule is as long as the run; set steps, which sets both")
	case asked.Resume == "" || asked.Resume == "latest":
		return nil
	case !paths.Exists(asked.Resume):
		return fault.Setting("resume", "there is no checkpoint %s; latest is the newest in the run directory", asked.Resume)
	case paths.Exists(filepath.Join(asked.Resume, pretrained.CheckpointsDir)):
		return fault.Setting("resume", "%s is a run, not a checkpoint; continue with resume=latest out=%s", asked.Resume, asked.Resume)
	}
	return nil
}

// recipeOf finds the model of a new run and returns the settings that go with it and with the data.
func (o *Options) recipeOf(ctx context.Context, asked *Options, find pretrained.Finder) (config.Layer, error) {
	recipe, err := asked.recipe()
	if err != nil {
		return nil, err
	}
	model := asked.Model
	if model == "" {
		model = recipe.Model
	}
	if model == "" {
		return nil, noModel(ctx, asked)
	}
	if o.source, err = find(ctx, model, asked.Pretrained); err != nil {
		return nil, err
	}
	if o.source.Weights != "" && !asked.Align.on() {
		if recipe, err = recipe.FineTune(); err != nil {
			return nil, err
		}
	}
	o.maxWarmup = recipe.MaxWarmup
	l := config.Layer{}
	if ByMuon(recipe, asked.Optim.Opt, asked.Machine) {
		recipe = recipe.ByMuon()
		l.Put(config.Recipe, "optim.opt", optim.OptMuon)
	}
	for key, v := range map[string]any{
		"model": model, "model_cfg": o.source.Config, "preprocess": o.source.Preprocess, "optim.lr": recipe.LR, "optim.wd": recipe.WD,
		"optim.grad_clip_norm": recipe.GradClip, "dedup_targets": recipe.DedupTargets, "batch_size": recipe.BatchSize,
		"epochs":  recipe.Epochs,
		"aug_cfg": recipe.Augment,
	} {
		l.Put(config.Recipe, key, v)
	}
	if asked.Align.rewards() {
		l.Put(config.Recipe, "align.ppo", alignment.DefaultPPO())
		l.Put(config.Recipe, "lock_image", true)
	}
	return l, nil
}

// ByMuon reports whether Muon trains: where opt, what the user says of the optimizer, names it, or by default where the recipe prefers it
// and the model is on a CPU.
func ByMuon(r contrastive.Recipe, opt string, on pretrained.Machine) bool {
	if opt != "" {
		return opt == optim.OptMuon
	}
	return r.Muon != nil && on.OnCPU()
}

// recipe is how to train what the user asks for.
func (asked *Options) recipe() (contrastive.Recipe, error) {
	data := asked.TrainData
	if len(datasets.Parts(data)) > 1 {
		data = "" // a built-in set among other sources has no recipe
	}
	switch none := (contrastive.Recipe{}); {
	case asked.TrainData == "" && asked.Resume != "":
		return none, fault.Setting("resume", "%s contains no run to resume; a new run needs train_data", asked.Out)
	case asked.TrainData == "":
		return none, fault.Setting("train_data", "missing; builtin:emoji needs no data of your own")
	case asked.Align.on() && asked.Model == "":
		return none, fault.Setting("model", "missing: the trained model to fine-tune")
	case asked.Align.rewards():
		return contrastive.PPORecipe(data)
	case asked.Align.on():
		return contrastive.PreferenceRecipe(data)
	case asked.Objective == cocaObjective:
		return asked.cocaRecipe(data)
	}
	return contrastive.NamedRecipe(asked.Model, data)
}

// noModel says why there is none: a misspelt built-in set has no recipe either.
func noModel(ctx context.Context, asked *Options) error {
	src, err := datasets.Open(ctx, asked.TrainData, asked.Data)
	if err != nil {
		return err
	}
	if err := src.Close(); err != nil {
		return err
	}
	return fault.Setting("model", "missing; only the built-in data sets have a default (info lists the configs)")
}

package contrastive

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"clipgo/vision/preprocess"
)

// Recipes say how to train a config, one file a config under its name.
//
//go:embed recipes/*.json
var recipeFiles embed.FS

// Recipe is what goes with a model config to train it.
type Recipe struct {
	Model     string  `json:"model,omitempty"` // of a built-in set: the config that fits it
	LR        float64 `json:"lr"`
	WD        float64 `json:"wd"`
	MaxWarmup int     `json:"max_warmup"` // steps; the warm-up is 5 % of the run, but never longer
	GradClip  float64 `json:"grad_clip_norm"`
	BatchSize int     `json:"batch_size"`
	Epochs    float64 `json:"epochs"`
	// DedupTargets is for data whose captions repeat themselves.
	DedupTargets bool               `json:"dedup_targets"`
	Augment      preprocess.Augment `json:"aug_cfg"`
	// Muon is what differs where Muon is the optimizer, as it then is by default on CPUs; nil: AdamW is the default.
	Muon *Muon `json:"muon"`
}

// Muon is the part of a recipe that depends on the optimizer.
type Muon struct {
	LR        float64 `json:"lr"`
	BatchSize int     `json:"batch_size"`
}

// ByMuon is the recipe for Muon.
func (r Recipe) ByMuon() Recipe {
	if r.Muon != nil {
		r.LR, r.BatchSize = r.Muon.LR, r.Muon.BatchSize
	}
	return r
}

// DefaultRecipe is open_clip's, with a batch that one machine can hold.
func DefaultRecipe() Recipe {
	return Recipe{LR: 5e-4, WD: 0.2, MaxWarmup: 10000, BatchSize: 64, Epochs: 32, Augment: preprocess.DefaultAugment()}
}

// NamedRecipe is the recipe of a config's name for a data source. A built-in set has a file of its own, which also
// says which config fits it; with that config, or with none named, it goes before the config's.
func NamedRecipe(model, data string) (Recipe, error) {
	set, _, _ := strings.Cut(data, "?")
	r, found, err := readRecipe(strings.ReplaceAll(set, ":", "-"))
	if err != nil || found && (model == "" || model == r.Model) {
		return r, err
	}
	r, _, err = readRecipe(model)
	r.Model = ""
	return r, err
}

// FineTune makes a recipe gentle, for a model that starts from trained weights and should keep what it knows: the rate
// and length that Goyal et al. (2023, "Finetune like you pretrain") fine-tuned CLIP with.
func (r Recipe) FineTune() (Recipe, error) {
	gentle, _, err := r.with("fine-tune")
	gentle.Epochs, gentle.Muon = min(gentle.Epochs, r.Epochs), nil
	return gentle, err
}

// PreferenceRecipe is how to tune a model on judged pairs: that of a built-in set, or a gentle one.
func PreferenceRecipe(data string) (Recipe, error) {
	r, _, err := DefaultRecipe().with("preference")
	if err != nil {
		return r, err
	}
	set, _, _ := strings.Cut(data, "?")
	r, _, err = r.with(strings.ReplaceAll(set, ":", "-"))
	return r, err
}

// PPORecipe is how to tune a captioner against a reward: that of a built-in set, or a gentle one.
func PPORecipe(data string) (Recipe, error) {
	r, _, err := DefaultRecipe().with("ppo")
	if err != nil {
		return r, err
	}
	set, _, _ := strings.Cut(data, "?")
	r, _, err = r.with("ppo-" + strings.ReplaceAll(set, ":", "-"))
	return r, err
}

func readRecipe(name string) (Recipe, bool, error) { return DefaultRecipe().with(name) }

// with replaces what the recipe file of a name says, where there is one.
func (r Recipe) with(name string) (_ Recipe, found bool, _ error) {
	data, err := recipeFiles.ReadFile("recipes/" + name + ".json")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, false, fmt.Errorf("recipe %s: %w", name, err)
	}
	return r, true, nil
}

package main

import (
	"errors"
	"slices"

	"clipgo/captioning"
	"clipgo/contrastive"
)

// validateCoCa returns what objective coca has against the other options, joined.
func (o *trainOptions) validateCoCa() error {
	errs := []error{o.Weights.Validate()}
	if o.ModelCfg.Multimodal == nil {
		errs = append(errs, errors.New("objective: coca trains a decoder, and the model has none (multimodal_cfg); --model coca_ViT-B-32 has, and coca_ViT-Nano-16-64 for the built-in sets"))
	}
	return errors.Join(errs...)
}

// recipe is that of the model and the data. Where the data chooses the model, objective coca takes its sibling with a
// decoder.
func (o *trainOptions) recipe() (contrastive.Recipe, error) {
	r, err := contrastive.NamedRecipe(o.Model, o.TrainData)
	if err != nil || o.Objective != cocaObjective || o.Model != "" {
		return r, err
	}
	model := "coca_" + r.Model
	if !slices.Contains(contrastive.Configs(), model) {
		return r, nil
	}
	r, err = contrastive.NamedRecipe(model, o.TrainData)
	r.Model = model
	return r, err
}

// coca is what the trainer drives for objective coca.
func (s *session) coca() *captioning.Objective {
	return &captioning.Objective{
		Objective: contrastive.Objective{Model: s.model, Loss: s.contrast(), Average: s.average, DedupTargets: s.DedupTargets},
		Weights:   s.Weights, Smoothing: s.Loss.Smoothing,
	}
}

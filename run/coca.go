package run

import (
	"errors"
	"fmt"
	"slices"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/eval"
	"clipgo/model"
)

// validateCoCa returns what objective coca has against the other options, joined.
func (o *Options) validateCoCa() error {
	errs := []error{o.Weights.Validate()}
	if o.ModelCfg.Multimodal == nil {
		errs = append(errs, errors.New("objective: coca needs a model with a decoder (multimodal_cfg), such as coca_ViT-B-32, or "+
			"coca_ViT-Nano-16-64 for the built-in data sets"))
	}
	return errors.Join(errs...)
}

// cocaRecipe is the recipe of the model and the data. Where the data chooses the model, it is the sibling with a decoder.
func (o *Options) cocaRecipe(data string) (contrastive.Recipe, error) {
	r, err := contrastive.NamedRecipe(o.Model, data)
	if err != nil || o.Model != "" {
		return r, err
	}
	named := "coca_" + r.Model
	if !slices.Contains(model.Configs(), named) {
		return r, nil
	}
	r, err = contrastive.NamedRecipe(named, data)
	r.Model = named
	return r, err
}

// coca is what the trainer drives for objective coca.
func (s *session) coca() *captioning.Objective {
	return &captioning.Objective{
		Objective: contrastive.Objective{Model: s.model, Loss: s.contrast(), EMA: s.average, DedupTargets: s.DedupTargets,
			MicroBatch: s.atOnce(), PairLosses: s.several() && s.Contrastive > 0},
		Weights: s.Weights, Smoothing: s.Loss.Smoothing,
	}
}

// perplexityNote reports the first and the last perplexity of the evaluations; it is empty if there is none.
func (s *session) perplexityNote() string {
	var first, last float64
	for _, e := range s.val.history {
		if v, ok := eval.Find(e.Values, captioning.PerplexityName); ok {
			if last = v.Value; first == 0 {
				first = last
			}
		}
	}
	if last == 0 {
		return ""
	}
	return fmt.Sprintf("validation captions have perplexity %.3f, at the first evaluation %.3f", last, first)
}

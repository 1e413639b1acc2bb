package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"clipgo/captioning"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/eval/report"
	"clipgo/model"
	"clipgo/pretrained"
)

// validateCoCa returns what objective coca has against the other options, joined.
func (o *Options) validateCoCa() error {
	errs := []error{o.Weights.Validate()}
	if o.ModelCfg.Multimodal == nil {
		errs = append(errs, errors.New("objective: coca trains a decoder, and the model has none (multimodal_cfg); --model coca_ViT-B-32 has, and coca_ViT-Nano-16-64 for the built-in sets"))
	}
	return errors.Join(errs...)
}

// cocaRecipe is the recipe of the model and the data. Where the data chooses the model, it is the sibling with a decoder.
func (o *Options) cocaRecipe() (contrastive.Recipe, error) {
	r, err := contrastive.NamedRecipe(o.Model, o.TrainData)
	if err != nil || o.Model != "" {
		return r, err
	}
	named := "coca_" + r.Model
	if !slices.Contains(model.Configs(), named) {
		return r, nil
	}
	r, err = contrastive.NamedRecipe(named, o.TrainData)
	r.Model = named
	return r, err
}

// coca is what the trainer drives for objective coca.
func (s *session) coca() *captioning.Objective {
	s.val.foretold = &foretelling{}
	return &captioning.Objective{
		Objective: contrastive.Objective{Model: s.model, Loss: s.contrast(), EMA: s.average, DedupTargets: s.DedupTargets, MicroBatch: s.atOnce()},
		Weights:   s.Weights, Smoothing: s.Loss.Smoothing,
	}
}

// perplexityName is the perplexity of captions, among the measured values; it alone is no share.
const perplexityName = "perplexity"

// foretelling measures how well captions are foretold: one of each picture's, so that an evaluation stays quick. None is
// nil, and measures nothing.
type foretelling struct {
	surprise float64 // -log P
	tokens   int
}

func (f *foretelling) reset() {
	if f != nil {
		*f = foretelling{}
	}
}

// add measures a batch of the validation data.
func (f *foretelling) add(ctx context.Context, v *Validation, b *datasets.Batch) error {
	if f == nil {
		return nil
	}
	surprise, tokens, err := NegLogLikelihood(ctx, v.Embedder, b, func(row int) string {
		captions := b.Entries[row].Captions
		if len(captions) == 0 {
			return ""
		}
		return captions[b.Index[row]%len(captions)]
	})
	f.surprise, f.tokens = f.surprise+surprise, f.tokens+tokens
	return err
}

func (f *foretelling) values() []eval.Value {
	if f == nil || f.tokens == 0 {
		return nil
	}
	return []eval.Value{{Name: perplexityName, Value: math.Exp(f.surprise / float64(f.tokens))}}
}

// isShare tells measured values that are a share of something from those that no chart of shares can hold.
func isShare(name string) bool {
	return name != perplexityName && !isTrialNumber(name)
}

// shares are the evaluations without values that are none.
func shares(all []report.Evaluation) []report.Evaluation {
	out := slices.Clone(all)
	for i := range out {
		out[i].Values = slices.DeleteFunc(slices.Clone(out[i].Values), func(v eval.Value) bool { return !isShare(v.Name) })
	}
	return out
}

// perplexityNote tells the perplexity of the evaluations; it is empty where there is none.
func (s *session) perplexityNote() string {
	var first, last float64
	for _, e := range s.val.history {
		for _, v := range e.Values {
			if v.Name != perplexityName {
				continue
			}
			if last = v.Value; first == 0 {
				first = last
			}
		}
	}
	if last == 0 {
		return ""
	}
	return fmt.Sprintf("validation captions have perplexity %.3f, at the first evaluation %.3f: at each token the model is as unsure as among so many equally likely ones", last, first)
}

// NegLogLikelihood is -log P of captions of a batch's pictures, and their number of tokens. caption returns the caption of a row of
// the batch; rows with an empty one are left out.
func NegLogLikelihood(ctx context.Context, m *pretrained.Embedder, b *datasets.Batch, caption func(row int) string) (sum float64, tokens int, err error) {
	words, err := m.Tokenizer()
	if err != nil {
		return 0, 0, err
	}
	var pixels []uint8
	var ids []int32
	n, size, l := 0, len(b.Pixels)/b.N, m.Config.Text.ContextLength
	for i := range b.N {
		text := caption(i)
		if text == "" {
			continue
		}
		pixels, ids = append(pixels, b.Pixels[i*size:(i+1)*size]...), append(ids, make([]int32, l)...)
		words.Fill(ids[n*l:], text)
		n++
	}
	if n == 0 {
		return 0, 0, nil
	}
	return captioning.Captioner{Model: m.Model}.Likelihood(ctx, pixels, ids, n)
}

package main

import (
	"context"
	"runtime"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/config"
	"clipgo/model"
	"clipgo/text/tokenizer"
	"clipgo/vision/preprocess"
)

// inference are the options of every command that uses a trained model.
type inference struct {
	Model      string `json:"model" flag:"model" arg:"M" help:"run or checkpoint directory, config name, model file or folder, hf-hub:ORG/REPO"`
	Pretrained string `json:"pretrained" flag:"pretrained" arg:"file" help:"weights (.safetensors, .pt, .bin) for a model given by its config"`
	machine
	Seed       uint64            `json:"seed" flag:"seed" arg:"N" help:"seed of fresh weights, where the model has no others"`
	Workers    int               `json:"workers" min:"1" flag:"workers" arg:"N" help:"goroutines that read and decode pictures"`
	BatchSize  int               `json:"batch_size" min:"1" flag:"batch-size" arg:"N" help:"pictures that go through the model at once"`
	MaxSkip    float64           `json:"max_skip" min:"0" max:"1" flag:"max-skip" arg:"share" help:"share of samples that may be unusable (default 0.01)"`
	Preprocess preprocess.Config `json:"preprocess"`
	Data       datasets.Options  `json:"data"`

	prepared *preprocess.Config // as an index has its pictures; nil: as the model has
	upright  bool               // apply EXIF orientation, whatever the model has, unless the user says otherwise
	towers   model.Towers       // that the command uses
}

func defaultInference() inference {
	return inference{machine: defaultMachine(), Workers: runtime.GOMAXPROCS(0), BatchSize: 64, MaxSkip: 0.01, Preprocess: preprocess.Default()}
}

// loaded is a model ready for use, with its tokenizer.
type loaded struct {
	*model.Model
	source  modelSource
	tokens  tokenizer.Tokenizer // nil until a caption comes
	options inference
}

// load resolves --model and builds it. Preprocessing comes from the model's folder, with what the user said on top.
func (o *inference) load(ctx context.Context, a *app, said config.Layer) (*loaded, error) {
	loadLibtorch()
	src, err := a.console.findModel(ctx, o.Model, o.Pretrained)
	if err != nil {
		return nil, err
	}
	for _, note := range src.Notes {
		a.console.log.Warn(note)
	}
	o.Preprocess = src.Preprocess
	if o.prepared != nil && o.prepared.Size == src.Preprocess.Size { // of another size: made by another model
		o.Preprocess = *o.prepared
	}
	if o.upright {
		o.Preprocess.Orientation = preprocess.OrientationApply
	}
	said.Under("preprocess").Decode(&o.Preprocess)
	if err := o.validate(src.Config); err != nil {
		return nil, err
	}
	src.Preprocess = o.Preprocess
	if src.Weights == "" {
		a.console.log.Warn("random weights: " + o.Model + " names a config without weights, so the results mean nothing")
	}
	checked, err := src.check(o.towers)
	if err != nil {
		return nil, err
	}
	tokens, err := src.tokenizer() // before libtorch is waited for
	if err != nil {
		tokens = nil // which is told when a caption comes: pictures need none
	}
	at, err := o.placement()
	if err != nil {
		return nil, err
	}
	m, err := src.borrow(ctx, checked, at, o.Seed)
	if err != nil {
		return nil, err
	}
	return &loaded{Model: m, source: src, tokens: tokens, options: *o}, nil
}

func (o *inference) validate(c model.Config) error {
	if err := o.Preprocess.Validate(); err != nil {
		return usagef("preprocess: %v", err)
	}
	if o.Preprocess.Size != c.Vision.ImageSize {
		return usagef("preprocess.size: %d, but the model was made for pictures of %d", o.Preprocess.Size, c.Vision.ImageSize)
	}
	return o.machine.validate()
}

// loader reads a source's pictures in its own order for this model.
func (m *loaded) loader(src datasets.Source) *datasets.Loader {
	return &datasets.Loader{
		Source: src, BatchSize: m.options.BatchSize, Workers: m.options.Workers, Size: m.Preprocess.Size,
		ContextLength: m.Config.Text.ContextLength, Order: datasets.Sequential, MaxSkip: m.options.MaxSkip,
		Pixels: m.pixels,
	}
}

// pixels is the evaluation transform.
func (m *loaded) pixels(dst []uint8, p datasets.Picture, _ uint64) error {
	if p.File != nil {
		return m.Preprocess.ApplyFile(dst, p.File)
	}
	return m.Preprocess.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
}

// classifier embeds class names in prompt templates.
func (m *loaded) classifier(ctx context.Context, classes, templates []string) (*eval.Classifier, error) {
	tokens, err := m.tokenizer()
	if err != nil {
		return nil, err
	}
	return eval.NewClassifier(ctx, m, eval.Prompts{Classes: classes, Templates: templates, Fill: tokens.Fill, ContextLength: m.Config.Text.ContextLength})
}

// encodeText maps texts to unit features, row-major.
func (m *loaded) encodeText(ctx context.Context, texts []string) ([]float32, error) {
	tokens, err := m.tokenizer()
	if err != nil {
		return nil, err
	}
	l := m.Config.Text.ContextLength
	ids := make([]int32, len(texts)*l)
	for i, t := range texts {
		tokens.Fill(ids[i*l:(i+1)*l], t)
	}
	return m.EmbedTokens(ctx, ids, len(texts))
}

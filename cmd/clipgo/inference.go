package main

import (
	"context"
	"runtime"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/model"
	"clipgo/text/tokenizer"
	"clipgo/vision/preprocess"
)

// inference are the options of every command that uses a trained model.
type inference struct {
	Model      string `json:"model"`
	Pretrained string `json:"pretrained"`
	machine
	Seed       uint64            `json:"seed"` // of fresh weights
	Workers    int               `json:"workers"`
	BatchSize  int               `json:"batch_size"`
	MaxSkip    float64           `json:"max_skip"` // share of samples that may be unusable
	Preprocess preprocess.Config `json:"preprocess"`
	Data       datasets.Options  `json:"data"`

	prepared *preprocess.Config // as an index has its pictures; nil: as the model has
	towers   model.Towers       // that the command uses
}

func defaultInference() inference {
	return inference{machine: defaultMachine(), Workers: runtime.GOMAXPROCS(0), BatchSize: 64, MaxSkip: 0.01, Preprocess: preprocess.Default()}
}

func (k *knobs) inferenceFlags() {
	k.flag("model", "model", "M", "run or checkpoint directory, config name, model file or folder, hf-hub:ORG/REPO")
	k.flag("pretrained", "pretrained", "file", "weights (.safetensors, .pt, .bin) for a model given by its config")
	k.machineFlags("")
	k.flag("seed", "seed", "N", "seed of fresh weights, where the model has no others")
	k.flag("workers", "workers", "N", "goroutines that read and decode pictures")
	k.flag("batch-size", "batch_size", "N", "pictures that go through the model at once")
	k.flag("max-skip", "max_skip", "share", "share of samples that may be unusable (default 0.01)")
}

func (k *knobs) dataFlags(prefix string) {
	k.flag("csv-separator", prefix+"csv_separator", "char", "separator of a table (detected)")
	k.flag("csv-img-key", prefix+"csv_img_key", "name", "column of a table that holds paths (guessed)")
	k.flag("csv-caption-key", prefix+"csv_caption_key", "name", "column of a table that holds captions (guessed)")
}

// loaded is a model ready for use, with its tokenizer.
type loaded struct {
	*model.Model
	source  modelSource
	tokens  tokenizer.Tokenizer // nil until a caption comes
	options inference
}

// load resolves --model and builds it. own are the command's options, which hold o; settings of the model's own
// preprocessing come from its folder, and the user's on top.
func (o *inference) load(ctx context.Context, a *app, k *knobs, own any) (*loaded, error) {
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
	if err := k.apply(own); err != nil {
		return nil, err
	}
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
	if o.BatchSize < 1 || o.Workers < 1 {
		return usagef("--batch-size and --workers are at least 1")
	}
	if o.MaxSkip < 0 || o.MaxSkip > 1 {
		return usagef("--max-skip: %g is not a share between 0 and 1", o.MaxSkip)
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

package pretrained

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"clipgo/datasets"
	"clipgo/eval"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/text/tokenizer"
	"clipgo/vision/preprocess"
)

// Settings are the options of every command that uses a trained model.
type Settings struct {
	Model      string `json:"model" flag:"model" arg:"M" help:"run or checkpoint directory, config name, model file or folder, hf-hub:ORG/REPO"`
	Pretrained string `json:"pretrained" flag:"pretrained" arg:"file" help:"weights (.safetensors, .pt, .bin) or open_clip's tag (openai) for a model given by its config"`
	Machine
	Seed       uint64            `json:"seed" flag:"seed" arg:"N" help:"random seed, also of the weights of a model given by its config alone (default 0)"`
	Workers    int               `json:"workers" min:"1" max:"1024" flag:"workers" arg:"N" help:"goroutines that read and decode pictures (default one for each core)"`
	BatchSize  int               `json:"batch_size" min:"1" max:"65536" flag:"batch-size" arg:"N" help:"pictures that go through the model at once (default 64)"`
	MaxSkip    float64           `json:"max_skip" min:"0" max:"1" flag:"max-skip" arg:"share" help:"abort when more than this fraction of samples can't be used (default 0.01)"`
	Preprocess preprocess.Config `json:"preprocess"`
	preprocess.Limits
	Data datasets.Options `json:"data"`

	// Prepared is how the pictures of an index were prepared, which goes before what the model's folder says; nil: as the model.
	Prepared *preprocess.Config `json:"-"`
	// Upright applies the EXIF orientation whatever the model's folder says.
	Upright bool `json:"-"`
	// Background is what transparent pixels are drawn on unless the model's folder or Prepared says; empty: their alpha is dropped.
	Background preprocess.Background `json:"-"`
	// Adjust changes how pictures are prepared, after the model's folder, Prepared and Upright; nil: nothing.
	Adjust func(*preprocess.Config) `json:"-"`
	Towers model.Towers             `json:"-"` // that are used
	// Find looks a model up by its name; nil is Find without progress.
	Find Finder       `json:"-"`
	Log  *slog.Logger `json:"-"` // warnings; nil: none
}

// DefaultSettings are settings for a model that is still to be named.
func DefaultSettings() Settings {
	return Settings{Machine: DefaultMachine(), Workers: runtime.GOMAXPROCS(0), BatchSize: 64, MaxSkip: 0.01,
		Preprocess: preprocess.Default(), Limits: preprocess.WideLimits()}
}

// Embedder is a model that maps pictures and texts to unit vectors. Several goroutines may use it: libtorch's calls queue up
// for one thread. Its owner calls Free.
type Embedder struct {
	*model.Model
	Source   Source
	Settings Settings
	Crew     Crew        // other processes that embed as well; nil: there are none
	InInt8   *Int8Report // how the 8-bit forms compare with float32; nil: the model computes in floating point

	once     sync.Once
	tokens   tokenizer.Tokenizer
	tokenErr error
	seen     preprocess.Seen
	said     sync.Once // that pictures are transparent
}

// NewEmbedder is an embedder around a model that is there already. The tokenizer may be nil: then it is the source's.
func NewEmbedder(m *model.Model, src Source, tokens tokenizer.Tokenizer, how Settings) *Embedder {
	e := &Embedder{Model: m, Source: src, Settings: how}
	if tokens != nil {
		e.SetTokenizer(tokens)
	}
	return e
}

// Open finds the model that the settings name and makes it ready for use. Weights stay in their files, mapped. Pictures are
// prepared as the model's folder says. It returns an error of kind Usage for settings that can't be meant, and of kind Model
// for a model that is refused.
func Open(ctx context.Context, o Settings) (*Embedder, error) {
	o.StartLibtorch()
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	src, err := o.Locate(ctx)
	if err != nil {
		return nil, err
	}
	for _, note := range src.Notes {
		log.Warn(note)
	}
	if err := o.prepare(&src); err != nil {
		return nil, err
	}
	if src.Weights == "" {
		log.Warn("random weights: " + o.Model + " names a config without weights, so the results mean nothing")
	}
	e := NewEmbedder(nil, src, nil, o)
	if o.Int8() {
		if err := e.openInt8(ctx, log); err != nil {
			return nil, err
		}
		return e, nil
	}
	checked, err := src.Check(o.Towers)
	if err != nil {
		return nil, err
	}
	_, _ = e.Tokenizer() // while libtorch loads; an error comes with the first text: pictures need no tokenizer
	at, err := o.Placement()
	if err != nil {
		return nil, err
	}
	e.Model, err = src.OpenMapped(ctx, checked, at, o.Seed)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Locate finds the model that the settings name, with their Find.
func (o Settings) Locate(ctx context.Context) (Source, error) {
	find := o.Find
	if find == nil {
		find = Hub{}.Find
	}
	return find(ctx, o.Model, o.Pretrained)
}

// Pictures is how a model's pictures become pixels with these settings.
func (o Settings) Pictures(src *Source) preprocess.Config {
	c := src.Preprocess
	if o.Prepared != nil && o.Prepared.Size == src.Preprocess.Size { // of another size: made by another model
		c = *o.Prepared
	}
	if o.Upright {
		c.Orientation = preprocess.OrientationApply
	}
	if o.Prepared == nil && c.Background == "" {
		c.Background = o.Background
	}
	if o.Adjust != nil {
		o.Adjust(&c)
	}
	return c
}

// prepare works out how pictures become pixels, in the settings and the source.
func (o *Settings) prepare(src *Source) error {
	o.Preprocess = o.Pictures(src)
	if err := o.Preprocess.Validate(); err != nil {
		return fault.Usagef("preprocess: %v", err)
	}
	if want := src.Config.Vision.ImageSize; o.Preprocess.Size != want {
		return fault.Usagef("preprocess.size: %d, but the model was made for pictures of %d", o.Preprocess.Size, want)
	}
	src.Preprocess = o.Preprocess
	return o.Machine.Validate()
}

// Tokenizer is the model's, opened at the first call.
func (m *Embedder) Tokenizer() (tokenizer.Tokenizer, error) {
	m.once.Do(func() { m.tokens, m.tokenErr = m.Source.Tokenizer() })
	return m.tokens, m.tokenErr
}

// SetTokenizer replaces the tokenizer of the source, before the first use.
func (m *Embedder) SetTokenizer(t tokenizer.Tokenizer) {
	m.once.Do(func() { m.tokens = t })
}

// Loader reads a source's pictures in its own order, prepared for this model.
func (m *Embedder) Loader(src datasets.Source) *datasets.Loader {
	return &datasets.Loader{
		Source: src, BatchSize: m.Settings.BatchSize, Workers: m.Settings.Workers, Size: m.Preprocess.Size,
		ContextLength: m.Config.Text.ContextLength, Order: datasets.Sequential, MaxSkip: m.Settings.MaxSkip,
		Pixels: m.Pixels,
	}
}

// Pixels prepares one picture: dst is uint8 [S, S, 3]. It is a function for datasets.Loader.
func (m *Embedder) Pixels(dst []uint8, p datasets.Picture, _ uint64) error {
	if p.File != nil {
		return m.reader().Apply(dst, p.File)
	}
	return m.Preprocess.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
}

func (m *Embedder) reader() preprocess.Reader {
	r := preprocess.Reader{Config: m.Preprocess, Limits: m.Settings.Limits, Seen: &m.seen}
	if r.Limits == (preprocess.Limits{}) {
		r.Limits = preprocess.WideLimits()
	}
	return r
}

// Transparent is the number of pictures so far that were drawn without their alpha, though it matters. The log has one warning of it.
func (m *Embedder) Transparent() int64 {
	if m.Preprocess.Background != "" {
		return 0
	}
	_, n := m.seen.Counts()
	return n
}

// warn reports once that pictures lose their transparency.
func (m *Embedder) warn() {
	if warning := m.seen.Warning(m.Preprocess); warning != "" && m.Settings.Log != nil {
		m.said.Do(func() { m.Settings.Log.Warn(warning) })
	}
}

// Classifier embeds class names in prompt templates: the zero-shot classifier of these classes.
func (m *Embedder) Classifier(ctx context.Context, classes, templates []string) (*eval.Classifier, error) {
	return m.ClassifierOf(ctx, eval.Prompts{Classes: classes, Templates: templates})
}

// ClassifierOf is Classifier for prompts that may be those of each class. The tokenizer and the context length are the model's.
func (m *Embedder) ClassifierOf(ctx context.Context, p eval.Prompts) (*eval.Classifier, error) {
	tokens, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	p.Fill, p.ContextLength = tokens.Fill, m.Config.Text.ContextLength
	if m.Crew != nil {
		p.BatchSize = pieceBatches * model.EmbedBatch
	}
	c, err := eval.NewClassifier(ctx, m, p)
	if wrong, ok := errors.AsType[*eval.NotFiniteError](err); ok {
		return nil, fmt.Errorf("%s: %w", m.Source.Name, wrong)
	}
	return c, err
}

// EmbedTexts maps texts to unit features, [len(texts), E] row-major. A text longer than the context is cut.
func (m *Embedder) EmbedTexts(ctx context.Context, texts []string) ([]float32, error) {
	tokens, err := m.Tokenizer()
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

// Templates are the prompts of zero-shot classification: those that the model was trained with, else the data's, else OpenAI's
// 80 for ImageNet.
func (m *Embedder) Templates(data datasets.Info) []string {
	switch {
	case len(m.Source.Templates) > 0:
		return m.Source.Templates
	case len(data.Templates) > 0:
		return data.Templates
	default:
		return eval.OpenAITemplates()
	}
}

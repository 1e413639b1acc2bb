package run

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/machine"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/paths"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/training"
	"clipgo/weights"
)

// RawFile is the part of a checkpoint that holds the weights which training goes on with, where the model's own file
// holds their average.
const RawFile = "raw.safetensors"

// openModel builds the model, fresh or from weights, and the trainer around it.
func (s *session) openModel(ctx context.Context) error {
	at, err := s.Placement()
	if err != nil {
		return err
	}
	s.Device, s.Precision = pretrained.DeviceName(at.Device), pretrained.PrecisionName(at.DType)
	if err := s.openTokenizer(); err != nil {
		return err
	}
	if err := s.lookAtData(ctx); err != nil {
		return err
	}
	if err := s.checkMemory(ctx, at); err != nil {
		return err
	}
	if s.model, err = s.buildModel(ctx, at); err != nil {
		return err
	}
	s.onClose(func() error { s.model.Free(); return nil })
	s.model.Preprocess, s.model.Recompute = s.Preprocess, s.GradCheckpointing
	if err := s.model.Lock(ctx, s.Lock); err != nil {
		return err
	}
	if err := s.openAverage(ctx); err != nil {
		return err
	}
	if err := s.openAlignment(ctx, at); err != nil {
		return err
	}
	if err := s.openWords(ctx); err != nil {
		return err
	}
	s.val.Embedder.Model = s.result()
	if err := s.openEvaluators(); err != nil {
		return err
	}
	return s.openTrainer(ctx)
}

// openTokenizer opens the tokenizer of the model that the run starts from, or of the checkpoint that it goes on from.
func (s *session) openTokenizer() (err error) {
	src := s.source
	src.Config.Text = s.ModelCfg.Text
	if s.resumed != "" {
		src.Name, src.Dir = s.resumed, s.resumed
	}
	if s.tokens, err = src.Tokenizer(); err != nil {
		return err
	}
	s.val.Embedder.SetTokenizer(s.tokens)
	if src.Dir == "" {
		return nil
	}
	s.tokenizer = map[string][]byte{}
	for name, write := range weights.TokenizerIn(src.Dir) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return fmt.Errorf("read tokenizer: %w", err)
		}
		s.tokenizer[name] = b.Bytes()
	}
	return nil
}

// buildModel makes the model with the weights that it starts from, at the sizes that the run wants.
func (s *session) buildModel(ctx context.Context, at model.Placement) (_ *model.Model, err error) {
	src, own := s.source, s.source.Config
	src.Config = s.ModelCfg
	switch {
	case s.resumed != "":
		src.Weights = filepath.Join(s.resumed, pretrained.WeightsFile)
	case src.Weights != "":
		src.Config.Vision.ImageSize, src.Config.Text.ContextLength = own.Vision.ImageSize, own.Text.ContextLength
	}
	if s.newBias, err = s.lacksBias(); err != nil {
		return nil, err
	}
	if s.newBias {
		src.Config.InitLogitBias = nil
	}
	m, err := src.Build(ctx, at, s.Seed)
	if err == nil && s.newBias {
		m, err = m.WithBias(ctx, *s.ModelCfg.InitLogitBias)
	}
	if err != nil || sameSizes(m.Config, s.ModelCfg) {
		return m, err
	}
	sized, err := m.Resize(ctx, s.ModelCfg.Vision.ImageSize, s.ModelCfg.Text.ContextLength)
	if err != nil {
		m.Free()
	}
	return sized, err
}

// sameSizes tells whether pictures and captions are as large for both.
func sameSizes(a, b model.Config) bool {
	return a.Vision.ImageSize == b.Vision.ImageSize && a.Text.ContextLength == b.Text.ContextLength
}

// openAverage begins the average with the model's weights, which of a checkpoint are the average so far, and then puts
// the weights back that training goes on with.
func (s *session) openAverage(ctx context.Context) (err error) {
	if s.EMADecay > 0 {
		if s.average, err = model.NewEMA(ctx, s.model, s.EMADecay); err != nil {
			return err
		}
		s.onClose(func() error { s.average.Free(); return nil })
	}
	raw := filepath.Join(s.resumed, RawFile)
	switch {
	case s.resumed == "" || !paths.Exists(raw):
		return nil
	case s.average != nil:
		return s.average.Resume(ctx, raw)
	}
	_, err = s.model.ReadRaw(ctx, raw)
	return err
}

// result is the model that is evaluated and that a checkpoint's reader gets: the average, where there is one.
func (s *session) result() *model.Model {
	switch {
	case s.average != nil:
		return s.average.Model
	case s.mixed:
		return s.base.Model
	}
	return s.model
}

func (s *session) openTrainer(ctx context.Context) (err error) {
	objective := s.objective()
	s.trainer = &training.Trainer{Objective: objective, Schedule: s.Schedule, LR: s.Optim.LR, StopAfter: s.StopAfter,
		Progress: s.state.Progress}
	if s.model.Device() != torch.CPU {
		if s.Optim.Opt == optim.OptMuon {
			return fault.Setting("optim.opt", "muon trains on CPUs, not on %s", s.Device)
		}
		s.trainer.ReadEvery = s.LogFrequency
	}
	s.trainer.Optimizer, err = NewOptimizer(ctx, objective.Params(), s.Optim, s.shard())
	if err != nil {
		return err
	}
	s.onClose(func() error { s.trainer.Optimizer.Free(); return nil })
	if !s.voices.alone() {
		if err := s.trainer.Join(s.voices.group); err != nil {
			return err
		}
		s.voices.serve = func() error { return s.trainer.Optimizer.WriteState(io.Discard) }
		s.openCrew()
	}
	if s.resumed == "" {
		return nil
	}
	if err := training.Restore(ctx, s.resumed, s.trainer.Optimizer); err != nil {
		return fault.Modelf(s.resumed, "%s", err.Error())
	}
	return nil
}

// NewOptimizer is AdamW over the parameters; of several processes that divide its state, the part of one. Its owner calls Free.
func NewOptimizer(ctx context.Context, params []*nn.Param, c optim.Config, part training.Shard) (o *optim.AdamW, err error) {
	err = torch.Do(ctx, func(*torch.Scope) error {
		o = optim.NewSharded(params, c, part)
		return nil
	})
	return o, err
}

// modelFiles are the parts of a checkpoint that make it a model folder in open_clip's hub layout, with the run beside it.
func (s *session) modelFiles() []training.File {
	files := []training.File{
		{Name: pretrained.ModelConfigFile, Write: s.writeModelConfig},
		{Name: pretrained.WeightsFile, Write: s.result().WriteWeights},
		{Name: pretrained.RunFile, Write: func(w io.Writer) error { return durable.EncodeJSON(w, s.Options) }},
	}
	if s.average != nil {
		files = append(files, training.File{Name: RawFile, Write: s.average.WriteRaw})
	}
	files = append(append(files, s.alignmentFiles()...), s.wordsFiles()...)
	for _, name := range slices.Sorted(maps.Keys(s.tokenizer)) {
		files = append(files, training.File{Name: name, Write: func(w io.Writer) error {
			_, err := w.Write(s.tokenizer[name])
			return err
		}})
	}
	return files
}

func (s *session) writeModelConfig(w io.Writer) error {
	return durable.EncodeJSON(w, map[string]any{"model_cfg": s.ModelCfg, "preprocess_cfg": s.Preprocess})
}

// environment is what the bytes of this run depend on apart from its inputs.
func (s *session) environment() training.Environment {
	env := Environment()
	env.Device, env.Precision, env.TF32, env.Processes = s.Device, s.Precision, s.TF32, s.world
	return env
}

// Environment is what any run's bytes depend on here.
func Environment() training.Environment {
	info, _ := torch.Probe() // it has been loaded by now
	return training.Environment{Threads: info.Threads, Libtorch: info.Version, CPU: machine.Features()}
}

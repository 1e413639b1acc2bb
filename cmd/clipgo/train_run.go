package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/text/bpe"
	"clipgo/training"
)

// The files of a run directory besides run.json and checkpoints/.
const (
	metricsFile     = "metrics.jsonl"
	evaluationsFile = "evaluations.jsonl"
	skippedFile     = "skipped.jsonl"
	logFile         = "log.txt"
	reportFile      = "report.html"
	lockFile        = "lock"
)

// session is one sitting of a run: everything that it holds open.
type session struct {
	*trainOptions
	console *console
	dir     runDir
	train   datasets.Source
	val     *validation
	model   *contrastive.Model
	tokens  *bpe.Tokenizer
	trainer *training.Trainer
	state   training.State // of the checkpoint that it goes on from; zero at the start of a run
	resumed string         // that checkpoint's path
	closers []func() error

	afterStep training.Hook
}

// train runs one sitting.
func train(ctx context.Context, a *app, o *trainOptions) (err error) {
	s := &session{trainOptions: o, console: a.console, tokens: bpe.New(), afterStep: a.afterStep}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.openData(); err != nil {
		return err
	}
	if err := s.openDir(); err != nil {
		return err
	}
	if err := s.openModel(ctx); err != nil {
		return err
	}
	if err := s.record(); err != nil {
		return err
	}
	s.announce()
	return s.run(ctx)
}

func (s *session) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *session) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// openData opens what is trained and evaluated on, before anything is written.
func (s *session) openData() (err error) {
	options := s.Data
	options.Need = datasets.NeedCaptions
	if s.train, err = datasets.Open(s.TrainData, options); err != nil {
		return err
	}
	s.onClose(s.train.Close)
	tellNotes(s.console, s.train.Info())
	s.length(s.train.Len())
	if err := s.Schedule.Validate(); err != nil {
		return usagef("schedule: %v", err)
	}
	if s.Templates == nil {
		s.Templates = s.train.Info().Templates
	}
	if s.BatchSize > s.train.Len() {
		return &datasets.DataError{Source: s.TrainData, Reason: fmt.Sprintf("%d samples are fewer than one batch of %d; lower --batch-size", s.train.Len(), s.BatchSize)}
	}
	s.val, err = s.openValidation()
	if err == nil {
		s.onClose(s.val.source.Close)
	}
	return err
}

// openModel builds the model, fresh or from a checkpoint, and the trainer around it.
func (s *session) openModel(ctx context.Context) error {
	at, err := s.placement()
	if err != nil {
		return err
	}
	src := s.source
	if s.resumed != "" {
		src.Weights = filepath.Join(s.resumed, weightsFile)
	}
	if s.model, err = src.build(ctx, at, s.Seed); err != nil {
		return err
	}
	s.onClose(func() error { s.model.Free(); return nil })
	s.model.Preprocess = s.Preprocess
	s.val.loaded.Model = s.model
	objective := &contrastive.Objective{Model: s.model, Loss: s.Loss, LockScale: s.LockLogitScale}
	s.trainer = &training.Trainer{Objective: objective, Schedule: s.Schedule, LR: s.Optim.LR, StopAfter: s.StopAfter, Progress: s.state.Progress}
	s.trainer.Optimizer, err = newOptimizer(ctx, objective.Params(), s.Optim)
	if err != nil {
		return err
	}
	s.onClose(func() error { s.trainer.Optimizer.Free(); return nil })
	if s.resumed == "" {
		return nil
	}
	if err := training.Restore(ctx, s.resumed, s.trainer.Optimizer); err != nil {
		return &modelError{s.resumed, err.Error()}
	}
	return nil
}

func newOptimizer(ctx context.Context, params []*nn.Param, c optim.Config) (o *optim.AdamW, err error) {
	err = torch.Do(ctx, func(*torch.Scope) error {
		o = optim.New(params, c)
		return nil
	})
	return o, err
}

// announce says what is about to happen, in the numbers that a reader would ask for.
func (s *session) announce() {
	info := s.train.Info()
	s.console.say("model  %s, %.1f million parameters, %s on %s", s.Model, float64(s.model.ParameterCount())/1e6, s.precision(), deviceName(s.model.Device()))
	s.console.say("data   %s, %d pairs; validation %s", info.Name, s.train.Len(), s.val.name())
	s.console.say("train  %s of %d pairs (%.1f epochs), lr %g, wd %g, warm-up %d, %s", describe(s.Steps), s.BatchSize,
		float64(s.Steps)*float64(s.BatchSize)/float64(s.train.Len()), s.Optim.LR, s.Optim.WD, s.Schedule.Warmup, s.Schedule.Kind)
	s.console.say("run    %s", s.Out)
	if s.resumed != "" {
		s.console.say("resume %s, at step %d", s.resumed, s.state.Step)
	} else if s.Resume != "" {
		s.console.say("resume no checkpoint yet: starting at step 0")
	}
}

func (s *session) precision() string { return precisionName(s.model.DType()) }

// run makes the steps, then writes the report and the result.
func (s *session) run(ctx context.Context) error {
	hooks := s.hooks(ctx)
	s.trainer.Hooks = hooks.list
	if s.afterStep != nil {
		s.trainer.Hooks = append(s.trainer.Hooks, s.afterStep)
	}
	end := s.end(s.train.Len())
	batches := s.loader().Batches(ctx, s.state.Position, end)
	err := s.trainer.Run(ctx, hooks.watch(batches))
	hooks.bar.done()
	hooks.finish()
	if err != nil {
		return err
	}
	return s.result(hooks)
}

// loader reads the training data, shuffled and augmented.
func (s *session) loader() *datasets.Loader {
	return &datasets.Loader{
		Source: s.train, Seed: s.Seed, BatchSize: s.BatchSize, Workers: s.Workers, Size: s.Preprocess.Size,
		ContextLength: s.ModelCfg.Text.ContextLength, Order: datasets.Shuffled, MaxSkip: s.MaxSkip,
		Pixels: func(dst []uint8, p datasets.Picture, key uint64) error {
			im, err := decode(p)
			if err != nil {
				return err
			}
			return s.Preprocess.Train(dst, im, s.Augment, key)
		},
		Tokens: s.tokens.FillCut,
	}
}

// checkpoints saves the model in open_clip's hub layout, with the run beside it.
func (s *session) checkpoints() *training.Checkpoints {
	return &training.Checkpoints{
		Dir: filepath.Join(s.Out, checkpointsDir), Every: s.SaveFrequency, Pause: time.Duration(s.SaveMinutes) * time.Minute, Keep: s.Keep,
		Files: []training.File{
			{Name: modelConfigFile, Write: s.writeModelConfig},
			{Name: weightsFile, Write: s.model.WriteWeights},
			{Name: runFile, Write: func(w io.Writer) error { return writeIndented(w, s.trainOptions) }},
		},
		State: training.State{Seed: s.Seed, Data: s.train.Info().Fingerprint, DataLength: int64(s.train.Len()), Environment: environment()},
		Log:   s.console.log,
	}
}

func (s *session) writeModelConfig(w io.Writer) error {
	return writeIndented(w, map[string]any{"model_cfg": s.ModelCfg, "preprocess_cfg": s.Preprocess})
}

func writeIndented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// environment is what the bytes of a run depend on besides its inputs.
func environment() training.Environment {
	info, _ := torch.Probe() // it has been loaded by now
	return training.Environment{Threads: info.Threads, Libtorch: info.Version, CPU: cpuFeatures()}
}

// result prints how the sitting ended.
func (s *session) result(h *hooks) error {
	p := s.trainer.Progress
	out := map[string]any{"step": p.Step, "steps": s.Steps, "samples": p.Samples, "skipped": p.Skipped, "out": s.Out}
	last := h.row
	for key, v := range map[string]float64{"loss": float64(last.Loss), "scale": float64(last.Scale)} {
		if !math.IsNaN(v) {
			out[key] = v
		}
	}
	for _, v := range h.lastEvaluation().Values {
		out[v.Name] = v.Value
	}
	if s.console.json {
		return s.console.result(out)
	}
	note := ""
	if loss := float64(last.Loss); !math.IsNaN(loss) { // a sitting of no step has none
		note = fmt.Sprintf(", loss %.4f", loss)
	}
	s.console.print("%s of %d, %d samples used, %d skipped%s", describe(p.Step), s.Steps, p.Samples, p.Skipped, note)
	for _, v := range h.lastEvaluation().Values {
		s.console.print("  %-24s %6.2f %%%s", v.Name, 100*v.Value, chanceNote(v.Chance))
	}
	s.console.print("report %s", filepath.Join(s.Out, reportFile))
	return nil
}

func chanceNote(chance float64) string {
	if chance <= 0 {
		return ""
	}
	return fmt.Sprintf("   (chance %.2f %%)", 100*chance)
}

// writeJSONFile replaces a file whole or not at all.
func writeJSONFile(path string, v any) error {
	return durable.WriteFile(path, 0o644, func(w io.Writer) error { return writeIndented(w, v) })
}

// appendTo opens a file for lines to be added.
func appendTo(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"syscall"
	"time"

	"clipgo/alignment"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/text/tokenizer"
	"clipgo/training"
	"clipgo/vision/preprocess"
)

// The files of a run directory, apart from run.json and checkpoints/.
const (
	MetricsFile     = "metrics.jsonl"
	EvaluationsFile = "evaluations.jsonl"
	SkippedFile     = "skipped.jsonl"
	LogFile         = "log.txt"
	ReportFile      = "report.html"
	ResultFile      = "result.json"
	LockFile        = "lock"
)

// session is one sitting of a run: everything that it holds open.
type session struct {
	*Options
	console   *Console
	dir       runDir
	train     datasets.Source
	accounts  *datasets.Accounts   // of the training data
	pairs     datasets.Preferences // the same, where it is judged pairs that are trained on
	val       *validation
	model     *model.Model             // what is trained
	average   *model.EMA               // of its weights; nil: none
	words     *contrastive.MaskedWords // trained beside it; nil: none
	newBias   bool                     // the weights that it started from had no logit_bias
	tokens    tokenizer.Tokenizer
	tokenizer map[string][]byte     // its files, which each checkpoint gets; none of CLIP's own
	head      *alignment.Head       // of a reward; nil: none
	base      *model.EMA            // the model as the run began, where it is kept near; nil: it isn't
	ppo       *alignment.PPO        // of a captioner that is tuned against a reward; nil: none
	judges    *alignment.Judges     // its rewards; nil: none
	mixed     bool                  // base has become the mixture that the run ends with
	saver     *training.Checkpoints // one of the hooks
	trainer   *training.Trainer
	state     training.State // of the checkpoint that it goes on from; zero at the start of a run
	resumed   string         // that checkpoint's path
	later     []string       // checkpoints of the run that continuing from it deletes
	failed    failures
	goals     goals
	best      *pretrained.Best // the checkpoint that is kept for a value; nil: none
	measured  bool             // batch_size auto has compared the batch with the memory
	closers   []func() error
	seen      preprocess.Seen

	voices     *voices // of all processes
	neighbours int     // processes of this machine, this one included; 0: it is alone
	afterStep  training.Hook
}

// Train runs one sitting: it opens the run directory, data and model, trains, and leaves checkpoints and a report there. Of several
// processes that a launcher started, each calls it with the same options; only process 0 has a result.
func Train(ctx context.Context, o *Options, c Console) (_ *Result, err error) {
	s := &session{Options: o, console: c.filled(), afterStep: c.Hook}
	defer func() { err = errors.Join(err, s.close()) }()
	defer func() { s.noteEnd(err) }()
	if err := s.join(ctx, c.Group, c.Version); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	s.announce()
	return s.run(s.voices.ctx)
}

// prepare does what comes before the first step. Each part ends in all processes before the next one begins.
func (s *session) prepare() error {
	phases := []func(ctx context.Context) error{
		func(context.Context) error { return s.openDir() }, s.openTrain, s.openData, s.findCheckpoint, s.openModel, s.measureBefore,
		func(context.Context) error { return s.record() }, func(context.Context) error { return s.openOwnLog() },
	}
	afterwards := map[int]func() error{1: s.agreeBatch, 2: s.compareData, 4: s.joinDevices}
	for i, phase := range phases {
		if err := s.voices.phase(phase); err != nil {
			return err
		}
		if after := afterwards[i]; after != nil {
			if err := after(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *session) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// openTrain opens what is trained on, which batch_size auto depends on.
func (s *session) openTrain(ctx context.Context) (err error) {
	if s.train, err = s.openSource(ctx, s.TrainData); err != nil {
		return err
	}
	s.onClose(s.train.Close)
	s.console.notes(s.train.Info())
	return s.chooseBatch(ctx)
}

// openData opens what is evaluated on, and works out what depends on the data.
func (s *session) openData(ctx context.Context) (err error) {
	s.length(s.epoch())
	if err := s.Schedule.Validate(); err != nil {
		return fault.Usagef("schedule: %v", err)
	}
	if s.Templates == nil {
		s.Templates = s.train.Info().Templates
	}
	if err := s.checkEpoch(); err != nil {
		return err
	}
	if s.val, err = s.openValidation(ctx); err != nil {
		return err
	}
	s.onClose(s.val.Source.Close)
	if err := s.openEvals(ctx); err != nil {
		return err
	}
	s.TrainData, s.ValData = datasets.Public(s.TrainData), datasets.Public(s.ValData) // what is written has no credentials
	return nil
}

// run makes the steps, then writes the report and the result.
func (s *session) run(ctx context.Context) (*Result, error) {
	if err := s.recordBefore(); err != nil {
		return nil, err
	}
	hooks := s.hooks()
	s.trainer.Hooks = hooks.list
	if s.afterStep != nil {
		s.trainer.Hooks = append(s.trainer.Hooks, s.afterStep)
	}
	loader, err := s.loader()
	if err != nil {
		return nil, err
	}
	if again := loader.Replay(s.state.Position); again != "" {
		s.console.Log.Info(again, "data", s.TrainData)
	}
	batches := loader.Batches(ctx, s.state.Position, s.end(s.epoch()))
	if s.ppo != nil {
		batches = s.ppo.Batches(ctx, batches, s.state.Step, s.state.Position, s.reward)
	}
	if err = hooks.lead(hooks.catchUp); err == nil && !hooks.exhausted() {
		err = s.trainer.Run(ctx, hooks.given(loader, batches))
	}
	err = hooks.part(err)
	if errors.Is(err, training.ErrStop) {
		err = nil
	}
	hooks.ended = err == nil && ctx.Err() == nil && hooks.stopped == "" &&
		s.trainer.Progress.Step < min(s.Steps, stopOf(s.StopAfter, s.state.Step))
	hooks.bar.Done()
	if s.voices.leads() {
		hooks.finish()
	}
	if at := s.trainer.Progress.Step; err != nil && errors.Is(err, ctx.Err()) && at > 0 {
		return nil, &InterruptedError{Step: at, Signal: hooks.signal, cause: err}
	}
	if err != nil {
		return nil, err
	}
	if !s.voices.leads() {
		return nil, nil
	}
	return s.finished(hooks), nil
}

// finished is the summary of the sitting, which is written as well.
func (s *session) finished(h *hooks) *Result {
	r := s.summary(h)
	if s.dir.lock.Check() != nil {
		return r
	}
	if err := durable.WriteJSON(filepath.Join(s.Out, ResultFile), r.Values); err != nil {
		s.console.Log.Warn("the result can't be written", "error", err)
	}
	return r
}

// stopOf is the step at which a sitting ends that makes n steps; 0: no limit.
func stopOf(n, from int) int {
	if n == 0 {
		return math.MaxInt
	}
	return from + n
}

// InterruptedError is an interrupt of Train, by its ctx or by a signal to another process, after at least one step: the checkpoint of Step
// is saved.
type InterruptedError struct {
	Step   int
	Signal syscall.Signal // to another process of the run; 0: ctx was done
	cause  error
}

// Signaled is the signal to another process.
func (e *InterruptedError) Signaled() syscall.Signal { return e.Signal }

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted at step %d, checkpoint saved", e.Step)
}

// Unwrap is ctx's error.
func (e *InterruptedError) Unwrap() error { return e.cause }

// loader reads the training data, shuffled and augmented.
func (s *session) loader() (*datasets.Loader, error) {
	factors, err := s.factors()
	fill := s.tokens.FillCut
	if s.ppo != nil { // which writes its captions itself
		fill = nil
	}
	return &datasets.Loader{
		Rank: s.voices.group.Rank(), World: s.voices.group.World(),
		Source: s.train, Pairs: s.pairs, Factors: factors, Seed: s.Seed, BatchSize: s.effective(), Queue: s.queue(),
		Workers:       s.Workers,
		Size:          s.Preprocess.Size,
		ContextLength: s.ModelCfg.Text.ContextLength, Order: datasets.Shuffled, Pool: s.pool(), Buffer: s.ShuffleBuffer,
		MaxSkip: s.MaxSkip,
		Pixels:  s.pixels, Tokens: fill,
	}, err
}

// pixels is the training transform. Pictures that are judged are seen as they are.
func (s *session) pixels(dst []uint8, p datasets.Picture, key uint64) error {
	whole, read := s.Align.on(), preprocess.Reader{Config: s.Preprocess, Limits: s.Limits, Seen: &s.seen}
	switch {
	case p.File == nil && whole:
		return s.Preprocess.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
	case p.File == nil:
		return s.Preprocess.Train(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height), s.Augment, key)
	case whole:
		return read.Apply(dst, p.File)
	}
	return read.Train(dst, p.File, s.Augment, key)
}

// checkpoints saves the model and the run.
func (s *session) checkpoints() *training.Checkpoints {
	return &training.Checkpoints{
		Dir: filepath.Join(s.Out, pretrained.CheckpointsDir), Every: s.SaveFrequency.steps,
		Pause: time.Duration(s.SaveMinutes) * time.Minute, Keep: s.Keep,
		Files: append(s.modelFiles(), training.File{Name: AccountsFile, Write: s.writeAccounts}),
		State: training.State{
			Seed: s.Seed, Data: s.fingerprint(), DataLength: int64(s.train.Len()), Validation: s.val.Source.Info().Fingerprint,
			Environment: s.environment(), Evaluations: s.evalFingerprints(),
		},
		Log: s.console.Log, Guard: s.dir.lock.Check, Pinned: s.pinned(),
	}
}

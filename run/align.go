package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"clipgo/alignment"
	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/training"
)

// openSource opens what the run is trained on.
func (s *session) openSource(ctx context.Context, name string) (datasets.Source, error) {
	if s.Align.prefers() {
		return s.openPairs(ctx, name)
	}
	options := s.Data
	options.Log, options.Samples = s.console.Log, s.NumSamples
	if !s.Align.rewards() { // which needs pictures alone
		options.Need = datasets.NeedCaptions
	}
	return datasets.Open(ctx, name, options)
}

// openPairs opens judged pairs for training.
func (s *session) openPairs(ctx context.Context, name string) (datasets.Source, error) {
	p, err := datasets.OpenPreferences(ctx, name, s.Data)
	if err != nil {
		return nil, err
	}
	s.pairs = p
	for i := range p.Len() {
		e, err := p.Entry(ctx, i)
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), p.Close())
		}
		if err == nil && e.Bad == "" && p.Preferred(i) != 0.5 {
			return p, nil
		}
	}
	closeInto(&err, p)
	return nil, &datasets.DataError{Source: name, Reason: fmt.Sprintf("nothing to learn: all of its %d pairs are ties", p.Len())}
}

// openOther opens what the run is evaluated on.
func (s *session) openOther(ctx context.Context, name string) (datasets.Source, error) {
	if s.pairs != nil {
		return datasets.OpenPreferences(ctx, name, s.Data)
	}
	options := s.Data
	options.Log = s.console.Log
	options.Filter = "" // which is for the training data
	return datasets.Open(ctx, name, options)
}

// borrow is a part of the training data: it is evaluated on if there is no other data.
func (s *session) borrow() datasets.Source {
	if s.pairs != nil {
		return datasets.SamplePreferences(s.pairs, borrowed)
	}
	return datasets.Sample(s.train, borrowed)
}

// openAlignment makes what an alignment adds to the model: the reward head, and a copy of the initial model.
func (s *session) openAlignment(ctx context.Context, at model.Placement) (err error) {
	if !s.Align.on() {
		return nil
	}
	if s.Align.RewardHead {
		if err := s.openHead(ctx); err != nil {
			return err
		}
		s.onClose(func() error { s.head.Free(); return nil })
	}
	if !s.Align.nears() {
		return nil
	}
	if s.base, err = s.openBase(ctx, at); err != nil {
		return err
	}
	s.onClose(func() error { s.base.Free(); return nil })
	if s.Align.rewards() {
		return s.openPPO(ctx, at)
	}
	return nil
}

func (s *session) openHead(ctx context.Context) (err error) {
	if s.resumed == "" {
		s.head, err = alignment.NewHead(ctx, s.model)
	} else {
		s.head, err = alignment.ReadHead(ctx, filepath.Join(s.resumed, pretrained.HeadsFile), s.model)
	}
	return err
}

// openBase is the model as the run began: of a resumed run the one that --model named.
func (s *session) openBase(ctx context.Context, at model.Placement) (*model.EMA, error) {
	if s.resumed == "" {
		return model.NewSnapshot(ctx, s.model, s.model)
	}
	src, err := s.console.Find(ctx, s.Model, s.Pretrained)
	if err != nil {
		return nil, fmt.Errorf("the weights that the run began with are to be kept near: %w", err)
	}
	options := *s.Options
	options.source = src
	start, err := (&session{Options: &options, console: s.console}).buildModel(ctx, at)
	if err != nil {
		return nil, err
	}
	defer start.Free()
	return model.NewSnapshot(ctx, s.model, start)
}

// objective is what the trainer drives.
func (s *session) objective() training.Objective {
	if s.Objective == cocaObjective && !s.Align.on() {
		return s.coca()
	}
	if !s.Align.on() {
		return &contrastive.Objective{Model: s.model, Loss: s.contrast(), EMA: s.average, DedupTargets: s.DedupTargets, Words: s.words,
			MicroBatch: s.atOnce(), PairLosses: s.several()}
	}
	if s.ppo != nil {
		return s.ppo
	}
	o := &alignment.Preference{Reward: alignment.Reward{Model: s.model, Head: s.head}, Preferred: s.pairs.Preferred}
	if s.Align.L2SP > 0 {
		o.Base = s.base
		o.Pull = func() float64 { return min(1, s.Align.L2SP*s.Schedule.Rate(s.Optim.LR, s.trainer.Progress.Step)) }
	}
	return o
}

// alignmentFiles are the files that an alignment adds to a checkpoint.
func (s *session) alignmentFiles() (files []training.File) {
	if s.head != nil {
		files = append(files, training.File{Name: pretrained.HeadsFile, Write: s.head.Write})
	}
	if s.ppo != nil {
		files = append(files, training.File{Name: pretrained.HeadsFile, Write: s.ppo.Value.Write},
			training.File{Name: PPOFile, Write: s.writePPO})
	}
	if s.mixed {
		files = append(files, training.File{Name: RawFile, Write: s.base.WriteRaw})
	}
	return files
}

// mix puts the starting weights' share into those that the run ends with. What was trained stays beside them in the
// checkpoint, for a run that is lengthened.
func (s *session) mix(ctx context.Context, e training.Event) error {
	if !e.Done || s.Align.KeepNear == 0 || s.mixed {
		return nil
	}
	err := torch.Do(ctx, func(*torch.Scope) error {
		s.base.Lerp(1 - s.Align.KeepNear)
		return nil
	})
	if err != nil {
		return fmt.Errorf("mix the weights: %w", err)
	}
	s.mixed = true
	s.val.Embedder.Model, s.val.tested.Model = s.base.Model, s.base.Model
	if s.val.agreement != nil {
		s.val.agreement.Reward.Model = s.base.Model
	}
	*s.saver = *s.checkpoints()
	return nil
}

// alignSettings are lines of the report's settings.
func (s *session) alignSettings() []report.Setting {
	if s.ppo != nil {
		return s.ppoSettings()
	}
	out := []report.Setting{{Name: "reward", Value: "the model's score, scale * cosine"},
		{Name: "augmentation", Value: "none: judged as they are"}}
	if s.head != nil {
		out[0].Value = "a scalar head on both features and their products"
	}
	if n := s.Align.KeepNear; n > 0 {
		out = append(out, report.Setting{Name: "kept near",
			Value: fmt.Sprintf("%g of the starting weights in those that the run ends with", n)})
	}
	if n := s.Align.L2SP; n > 0 {
		out = append(out, report.Setting{Name: "L2-SP", Value: fmt.Sprintf("a pull of %g back to the start", n)})
	}
	return out
}

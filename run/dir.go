package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/paths"
	"clipgo/pretrained"
	"clipgo/training"
)

// runDir is the run directory while a sitting holds its lock.
type runDir struct {
	lock                          *durable.Lock
	metrics, evaluations, skipped *ledger
	log                           *os.File
}

// openDir locks the run directory. One that holds a run already is refused untouched unless the user resumes.
func (s *session) openDir() error {
	if !s.voices.leads() {
		return nil
	}
	fresh := !paths.Exists(s.Out)
	held := holdsRun(s.Out)
	if err := durable.MkdirAll(s.Out); err != nil {
		return fmt.Errorf("create the run directory: %w", err)
	}
	lock, err := durable.AcquireDir(s.Out, LockFile)
	if err != nil {
		return fmt.Errorf("run directory %s: %w", s.Out, err)
	}
	s.dir.lock = lock
	s.onClose(func() error { return s.leaveDir(lock, fresh) })
	if held && s.Resume == "" {
		return fault.Setting("out", "%s already contains a run; continue it with resume=latest, or choose another directory", s.Out)
	}
	if err := durable.Sweep(s.Out); err != nil { // a killed sitting leaves a part of its report, say
		return err
	}
	checkpoints := filepath.Join(s.Out, pretrained.CheckpointsDir)
	if !paths.Exists(checkpoints) {
		return nil
	}
	return durable.Sweep(checkpoints)
}

// holdsRun reports whether a directory holds a run that has made steps: a start that failed before doesn't block its directory.
func holdsRun(dir string) bool {
	checkpoints, err := os.ReadDir(filepath.Join(dir, pretrained.CheckpointsDir))
	if len(checkpoints) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return true
	}
	metrics, err := os.Stat(filepath.Join(dir, MetricsFile))
	return err == nil && metrics.Size() > 0
}

// leaveDir gives the lock back, and takes a new directory away again that no run began in.
func (s *session) leaveDir(lock *durable.Lock, fresh bool) error {
	if !fresh || paths.Exists(filepath.Join(s.Out, pretrained.RunFile)) || lock.Check() != nil {
		return lock.Release()
	}
	return errors.Join(lock.Discard(), os.Remove(s.Out))
}

// record cuts the directory back to the checkpoint and opens its files. It is called after the model is built, so that a run that
// can't begin leaves nothing to resume.
func (s *session) record() error {
	if !s.voices.leads() {
		s.accounts = datasets.NewAccounts(s.train)
		return nil
	}
	if err := s.openAccounts(); err != nil {
		return err
	}
	if err := s.cutBack(); err != nil {
		return err
	}
	if err := durable.WriteJSON(filepath.Join(s.Out, pretrained.RunFile), s.Options); err != nil {
		return err
	}
	if err := s.openRecords(); err != nil {
		return err
	}
	if err := s.recordUnread(); err != nil {
		return err
	}
	if err := s.recall(); err != nil {
		return err
	}
	return s.recallBest()
}

// recordUnread writes the folders of the data that can't be read into skipped.jsonl, at step 0 of a new run.
func (s *session) recordUnread() error {
	if s.resumed != "" {
		return nil
	}
	unread := s.train.Info().Unread
	if s.val.own {
		unread = append(slices.Clone(unread), s.val.Source.Info().Unread...)
	}
	return s.writeSkips(unread, 0)
}

// findCheckpoint resolves --resume.
func (s *session) findCheckpoint(ctx context.Context) error {
	if s.Resume == "" {
		return nil
	}
	path := s.Resume
	if path == "latest" {
		latest, damaged, err := training.Latest(filepath.Join(s.Out, pretrained.CheckpointsDir))
		if errors.Is(err, training.ErrNoCheckpoint) {
			return s.findStart(ctx)
		}
		if err != nil {
			return err
		}
		for _, d := range damaged {
			s.console.Log.Warn("skipped a damaged checkpoint", "error", d)
		}
		path = latest
	}
	state, err := training.Check(path)
	switch {
	case err != nil && !paths.Exists(path):
		return fault.Setting("resume", "%w", err)
	case err != nil:
		return fault.Modelf(path, "%s", err.Error())
	}
	s.resumed, s.state = path, state
	if err := s.findLater(); err != nil {
		return err
	}
	return s.checkData()
}

// findLater finds what continuing from the checkpoint deletes. Checkpoints that verify are deleted only if the user says so.
func (s *session) findLater() error {
	checkpoints := filepath.Join(s.Out, pretrained.CheckpointsDir)
	valid, damaged, err := training.Later(checkpoints, s.state.Step)
	if err != nil {
		return err
	}
	s.later = append(valid, damaged...)
	other, replaces, err := training.Replaces(s.resumed, checkpoints)
	if err != nil {
		return err
	}
	if replaces {
		valid = append([]string{other}, valid...)
	}
	if len(valid) == 0 || s.DiscardLater {
		return nil
	}
	var names []string
	for _, path := range valid {
		names = append(names, filepath.Base(path))
	}
	return fault.Setting("resume", "continuing from step %d would delete checkpoints of %s (%s); set discard_later to delete them, or "+
		"choose another run directory", s.state.Step, s.Out, strings.Join(names, ", "))
}

// findStart finds the weights that a run began with, for one that ended before its first checkpoint.
func (s *session) findStart(ctx context.Context) error {
	src, err := s.console.Find(ctx, s.Model, s.Pretrained)
	s.source.Weights, s.source.Config = src.Weights, src.Config
	return err
}

// checkData checks that the run goes on with the data that it began with.
func (s *session) checkData() error {
	if now := s.fingerprint(); now != s.state.Data {
		if !s.AllowDataChange {
			return fault.Setting("train_data",
				"%s has changed since the run began (samples, order or captions); use allow_data_change to continue", s.train.Info().Name)
		}
		n := int64(s.train.Len())
		s.state.Position = s.state.Position / cmp.Or(s.state.DataLength, n) * n
		s.console.Log.Warn("the data changed: restarting the epoch")
	}
	if s.val.Source.Info().Fingerprint != s.state.Validation {
		s.console.Log.Warn("the validation data has changed: new evaluations are not comparable with earlier ones", "data",
			s.val.Source.Info().Name)
	}
	s.checkEvals()
	if s.Seed != s.state.Seed {
		return fault.Setting("seed", "this run began with %d; a different seed needs a new run", s.state.Seed)
	}
	return nil
}

// cutBack drops what was recorded and saved after the checkpoint. The checkpoint is in the run directory before anything is deleted
// there.
func (s *session) cutBack() error {
	if s.resumed != "" {
		if err := training.Adopt(s.resumed, filepath.Join(s.Out, pretrained.CheckpointsDir)); err != nil {
			return err
		}
	}
	for _, path := range s.later {
		if err := durable.RemoveAll(path); err != nil {
			return fmt.Errorf("remove later checkpoint: %w", err)
		}
		s.console.Log.Warn("removed a checkpoint newer than the one resumed from", "path", path)
	}
	step := s.state.Step
	if s.resumed == "" {
		step = -1 // nothing stays of a start that made no step
	}
	for _, name := range []string{MetricsFile, EvaluationsFile, SkippedFile} {
		if err := training.CutBack(filepath.Join(s.Out, name), step); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

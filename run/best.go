package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"clipgo/eval"
	"clipgo/internal/durable"
	"clipgo/pretrained"
	"clipgo/report"
	"clipgo/training"
	"clipgo/training/record"
)

// keepBest keeps the checkpoint of an evaluation if its value is better than that of the kept one. What can't be kept is a warning: the
// one before stays.
func (h *hooks) keepBest(ctx context.Context, found report.Evaluation) {
	s := h.session
	if s.goals.best == nil || found.Step == 0 || s.dir.lock.Check() != nil {
		return
	}
	v, ok := eval.Find(found.Values, s.goals.best.name)
	if !ok || !s.goals.best.better(v.Value, s.bestValue(), 0) {
		return
	}
	err := s.saver.Pin(context.WithoutCancel(ctx), s.trainer) // an interrupt waits for it
	if err == nil {
		err = s.recordBest(found.Step, v.Value)
	}
	if err != nil {
		if s.saver.Pinned = s.pinned(); s.best != nil {
			_ = durable.WriteJSON(filepath.Join(s.Out, pretrained.BestFile), s.best) // so that it says what the link leads to
		}
		s.console.Log.Warn("the best checkpoint so far can't be kept", "step", found.Step, "error", err)
		s.failed.best = err
		return
	}
	s.failed.best = nil
	s.saver.Prune()
}

// bestValue is that of the kept checkpoint; NaN if there is none.
func (s *session) bestValue() float64 {
	if s.best == nil {
		return math.NaN()
	}
	return s.best.Value
}

// pinned is the step of the kept checkpoint; 0: none.
func (s *session) pinned() int {
	if s.best == nil {
		return 0
	}
	return s.best.Step
}

// recordBest says what the best checkpoint is and links to it.
func (s *session) recordBest(step int, value float64) error {
	best := &pretrained.Best{Name: s.goals.best.name, Goal: s.goals.best.direction(), Value: value, Step: step}
	if err := durable.WriteJSON(filepath.Join(s.Out, pretrained.BestFile), best); err != nil {
		return err
	}
	target := training.StepDir(pretrained.CheckpointsDir, step)
	link := filepath.Join(s.Out, pretrained.BestLink)
	if now, err := os.Readlink(link); err != nil || now != target {
		if err := durable.Symlink(target, link); err != nil {
			return err
		}
	}
	s.best = best
	return nil
}

// recallBest finds the best checkpoint of earlier sittings by their evaluations, which are those up to the checkpoint that the run goes on
// from. The file and the link may be of a later step, or missing if the run was killed between the two.
func (s *session) recallBest() error {
	if s.goals.best == nil || s.resumed == "" {
		return s.forgetBest()
	}
	g := *s.goals.best
	best, kept, lost, missing := math.NaN(), 0, math.NaN(), 0
	for _, e := range s.val.history {
		v, ok := eval.Find(e.Values, g.name)
		if !ok || e.Step == 0 || !g.better(v.Value, best, 0) {
			continue
		}
		if _, err := training.Check(training.StepDir(filepath.Join(s.Out, pretrained.CheckpointsDir), e.Step)); err != nil {
			if g.better(v.Value, lost, 0) {
				lost, missing = v.Value, e.Step
			}
			continue
		}
		best, kept = v.Value, e.Step
	}
	if g.better(lost, best, 0) {
		s.console.Log.Warn("the checkpoint with the best value is not there any more: the best one that is there is kept", "name", g.name,
			"step", missing, "value", lost)
	}
	if kept == 0 {
		return s.forgetBest()
	}
	return s.recordBest(kept, best)
}

// forgetBest removes what says of a best checkpoint that there is none any more.
func (s *session) forgetBest() error {
	var errs []error
	for _, name := range []string{pretrained.BestFile, pretrained.BestLink} {
		path := filepath.Join(s.Out, name)
		if info, err := os.Lstat(path); err != nil || info.IsDir() {
			continue // a directory isn't ours
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// warnOfNoBest warns if nothing has given the value of the best checkpoint.
func (s *session) warnOfNoBest() {
	if s.goals.best != nil && s.best == nil && s.failed.best == nil && s.trainer.Progress.Step >= s.Steps {
		s.console.Log.Warn("no evaluation has given the value that decides which checkpoint is kept: none is", "name", s.goals.best.name)
	}
}

// addBest adds the best checkpoint, and why the run has ended, to the result.
func (s *session) addBest(h *hooks, out map[string]any) {
	if s.best != nil {
		out["best"] = map[string]any{"name": s.best.Name, "goal": s.best.Goal, "value": s.best.Value, "step": s.best.Step,
			"path": filepath.Join(s.Out, pretrained.BestLink)}
	}
	if s.failed.best != nil {
		out["best_error"] = s.failed.best.Error()
	}
	if h.stopped != "" {
		out["stopped"] = "patience"
	}
}

// bestText says the same for people.
func (s *session) bestText(h *hooks) (text []string) {
	if h.stopped != "" {
		text = append(text, h.stopped)
	}
	if s.best != nil {
		text = append(text, fmt.Sprintf("best %s (%s): %s", s.best, s.best.Goal, filepath.Join(s.Out, pretrained.BestLink)))
	}
	if s.failed.best != nil {
		text = append(text, fmt.Sprintf("the best checkpoint could not be kept: %v", s.failed.best))
	}
	return text
}

// bestFindings say the same in the report.
func (s *session) bestFindings(h *hooks) (out []record.Finding) {
	for _, text := range s.bestText(h) {
		out = append(out, record.Finding{Kind: record.Note, Text: text})
	}
	return out
}

// exhausted tells whether the patience of the run was at an end when it was resumed.
func (h *hooks) exhausted() bool {
	s := h.session
	if s.resumed == "" || s.trainer.Progress.Step >= s.Steps {
		return false
	}
	if h.stopped = s.exhausted(s.val.history); h.stopped == "" {
		return false
	}
	s.console.Log.Info("the run has ended; a larger patience, or 0 for none, continues it", "reason", h.stopped)
	return true
}

// exhausted says why the patience of a run is at an end with these evaluations; empty: it isn't.
func (s *session) exhausted(history []report.Evaluation) string {
	if s.goals.stops == nil {
		return ""
	}
	found := s.goals.stops.stalled(history, s.MinDelta)
	if found.evaluations < s.Patience.n {
		return ""
	}
	since := fmt.Sprintf("no better value than %.6g at step %d", found.value, found.step)
	if math.IsNaN(found.value) {
		since = "no finite value"
	}
	return fmt.Sprintf("patience: %s had %s in %d evaluations", s.goals.stops.name, since, found.evaluations)
}

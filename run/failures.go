package run

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clipgo/report"
	"clipgo/training"
)

// failures counts what went wrong beside the training, which goes on without it.
type failures struct {
	evaluations int
	best        error // why the best checkpoint couldn't be kept; nil: it is
	report      error // why report.html is not up to date; nil: it is
}

// stackVariable is the environment variable with which a mistake of the program shows its stack, as in cmd/clipgo.
const stackVariable = "CLIPGO_STACK"

// guarded turns a panic of f into an error: a mistake in an evaluation or in the report must not cost the steps since the last checkpoint.
func guarded(f func() error) (err error) {
	defer func() {
		if os.Getenv(stackVariable) != "" {
			return
		}
		if r := recover(); r != nil {
			err = fmt.Errorf("a mistake in clipgo itself: %v (%s=1 shows where)", r, stackVariable)
		}
	}()
	return f()
}

// evaluate measures the model when it is time, and at the end. An evaluation that fails is logged; the training goes on, and so do the
// other evaluations. It returns training.ErrStop if the patience of the run is at an end.
func (h *hooks) evaluate(ctx context.Context, e training.Event) error {
	s := h.session
	due := s.val.due(e)
	if len(due) == 0 || h.tried == e.Step || ctx.Err() != nil {
		return nil
	}
	h.tried = e.Step
	found := s.measure(ctx, due, e.Step)
	why := s.exhausted(joined(s.val.history, found))
	if why != "" && !e.Done { // the last evaluation of a run is of everything
		e.Done = true
		rest := s.measure(ctx, without(s.val.due(e), due), e.Step)
		found.Values = append(found.Values, rest.Values...)
	}
	if ctx.Err() != nil {
		return nil // interrupted: not recorded, which a resumed run makes up for
	}
	if s.retrievalDue(e) && s.val.Fresh() {
		if err := guarded(func() error { s.look(ctx, e.Step); return nil }); err != nil {
			s.failedEvaluation(e.Step, err)
		}
	}
	s.tellSkipped()
	if err := s.val.add(found, s.dir.evaluations, s.console); err != nil {
		s.failedEvaluation(e.Step, err)
	}
	h.keepBest(ctx, found)
	if why != "" && e.Step < s.Steps {
		h.stopped = why
		s.console.Log.Info("the run ends here", "step", e.Step, "reason", why)
		return training.ErrStop
	}
	return nil
}

// measure runs evaluators. One that fails is logged and left out.
func (s *session) measure(ctx context.Context, evaluators []scheduled, step int) report.Evaluation {
	found, failed := s.val.measure(ctx, evaluators, step)
	if ctx.Err() != nil {
		return report.Evaluation{Step: step}
	}
	said := map[string]bool{}
	for _, err := range failed {
		if cause := errors.Unwrap(err).Error(); !said[cause] { // of a data set that several evaluators share
			said[cause] = true
			s.failedEvaluation(step, err)
		}
	}
	return found
}

func (s *session) failedEvaluation(step int, err error) {
	s.failed.evaluations++
	s.console.Log.Warn("an evaluation failed; the training goes on without it", "step", step, "error", err)
}

// catchUp makes the evaluations of the checkpoint that a run goes on from, where they were interrupted or had failed.
func (h *hooks) catchUp(ctx context.Context) error {
	s := h.session
	if s.resumed == "" || s.state.Step == 0 {
		return nil
	}
	e := training.Event{Trainer: s.trainer, Done: s.state.Step >= s.Steps, Replayed: true}
	e.Step = s.state.Step
	if len(s.val.due(e)) == 0 {
		return nil
	}
	err := h.evaluate(ctx, e)
	if e.Done = e.Done || errors.Is(err, training.ErrStop); !e.Done {
		return err
	}
	return errors.Join(err, h.report(ctx, e))
}

// report writes report.html anew with each evaluation and at the end of a sitting. A training goes on without it.
func (h *hooks) report(_ context.Context, e training.Event) error {
	s := h.session
	if !e.Last && !e.Done && !s.ValFrequency.due(e.Step) || s.dir.lock.Check() != nil {
		return nil
	}
	err := guarded(func() error { return s.writeReport(h) })
	if err != nil && (s.failed.report == nil || s.failed.report.Error() != err.Error()) {
		s.console.Log.Warn("can't write the report; the training goes on without it", "error", err)
	}
	s.failed.report = err
	return nil
}

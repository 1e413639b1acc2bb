package run

import (
	"context"
	"fmt"
	"os"

	"clipgo/report"
	"clipgo/training"
)

// failures counts what went wrong beside the training, which goes on without it.
type failures struct {
	evaluations int
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

// evaluate measures the model when it is time, and at the end. An evaluation that fails is logged; the training goes on.
func (h *hooks) evaluate(ctx context.Context, e training.Event) error {
	s := h.session
	due := s.val.due(e)
	if len(due) == 0 || s.val.lastEvaluation().Step == e.Step || h.tried == e.Step || ctx.Err() != nil {
		return nil
	}
	h.tried = e.Step
	var found report.Evaluation
	err := guarded(func() (err error) {
		if found, err = s.val.measure(ctx, due, e.Step); err == nil && s.retrievalDue(e) {
			s.look(ctx, e.Step)
		}
		return err
	})
	if ctx.Err() != nil {
		return nil // interrupted: not measured, which a resumed run makes up for
	}
	if err == nil {
		err = s.val.add(found, s.dir.evaluations, s.console)
	}
	if err != nil {
		s.failed.evaluations++
		s.console.Log.Warn("an evaluation failed; the training goes on without it", "step", e.Step, "error", err)
	}
	return nil
}

// catchUp makes the evaluation of the checkpoint that a run goes on from, where it was interrupted or had failed.
func (h *hooks) catchUp(ctx context.Context) error {
	s := h.session
	if s.resumed == "" || s.state.Step == 0 || s.val.lastEvaluation().Step == s.state.Step {
		return nil
	}
	e := training.Event{Trainer: s.trainer, Done: s.state.Step >= s.Steps, Replayed: true}
	e.Step = s.state.Step
	if err := h.evaluate(ctx, e); err != nil || !e.Done {
		return err
	}
	return h.report(ctx, e)
}

// report writes report.html anew with each evaluation and at the end of a sitting. A training goes on without it.
func (h *hooks) report(_ context.Context, e training.Event) error {
	s := h.session
	if !e.Last && !e.Done && !s.ValFrequency.due(e.Step) || s.dir.lock.Check() != nil {
		return nil
	}
	err := guarded(func() error { return s.writeReport(h.diagnosis) })
	if err != nil && (s.failed.report == nil || s.failed.report.Error() != err.Error()) {
		s.console.Log.Warn("can't write the report; the training goes on without it", "error", err)
	}
	s.failed.report = err
	return nil
}

package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"clipgo/datasets"
)

// Event is what hooks receive after a step.
type Event struct {
	Stats
	Trainer  *Trainer
	Batch    *datasets.Batch
	Wait     time.Duration // spent waiting for the batch
	Took     time.Duration // spent on the step
	Last     bool          // no step follows in this sitting
	Done     bool          // the training is complete
	Replayed bool          // repeats the previous event only to report that the run has ended: hooks must not count it again
}

// Hook acts after a step: it logs, saves or evaluates. Hooks run in list order.
type Hook interface {
	After(ctx context.Context, e Event) error
}

// DivergedError ends a training whose numbers stay non-finite.
type DivergedError struct {
	Steps, At int
	Tensor    string // the first number to be saved that is not finite belongs to it; empty if it was the loss or the gradient
	Kept      string // the newest checkpoint of before; empty if there is none
}

func (e *DivergedError) Error() string {
	const remedy = ": a lower learning rate, a longer warm-up or clipping the gradient's norm helps"
	if e.Tensor == "" {
		return fmt.Sprintf("loss or gradient was not finite for %d steps in a row, up to step %d%s", e.Steps, e.At, remedy)
	}
	kept := "no checkpoint was saved before"
	if e.Kept != "" {
		kept = "the newest checkpoint is " + e.Kept
	}
	return fmt.Sprintf("%s is not finite after step %d, which is not saved%s; %s", e.Tensor, e.At, remedy, kept)
}

// ErrStop is what a Hook returns to end the training after the step, as complete. It is no error of the training.
var ErrStop = errors.New("the training ends here")

// patience is how many non-finite steps in a row end a training.
const patience = 10

// Run makes steps until the schedule's last one, the end of the batches, StopAfter, or an interrupt (ctx). On an interrupt the step
// finishes, the hooks save, and Run returns ctx's error. If a hook stops the training, Run returns nil.
func (t *Trainer) Run(ctx context.Context, batches iter.Seq2[*datasets.Batch, error]) error {
	if t.Progress.Step >= t.Schedule.Steps {
		return nil
	}
	stop := t.Schedule.Steps
	if t.StopAfter > 0 {
		stop = min(stop, t.Progress.Step+t.StopAfter)
	}
	var event Event
	asked := time.Now()
	for b, err := range batches {
		if err != nil {
			return t.interrupted(ctx, event, err)
		}
		begun := time.Now()
		st, err := t.Step(context.WithoutCancel(ctx), b)
		switch {
		case st.moved && err != nil: // the parameters are between two steps: nothing that can be saved
			return err
		case err != nil:
			return errors.Join(err, t.finish(ctx, event))
		}
		event = Event{Stats: st, Trainer: t, Batch: b, Wait: begun.Sub(asked), Took: time.Since(begun)}
		event.Done = st.Step == t.Schedule.Steps
		event.Last = ctx.Err() != nil || st.Step == stop || st.BadInRow >= patience
		stopped, err := t.runHooks(ctx, event)
		if err != nil || stopped {
			return err
		}
		switch {
		case st.BadInRow >= patience:
			return &DivergedError{Steps: st.BadInRow, At: st.Step}
		case event.Done: // an interrupt has no effect any more
			return nil
		case event.Last:
			return ctx.Err()
		}
		asked = time.Now()
	}
	event.Done = true // the data ended early: a batch without usable samples makes no step
	return t.finish(ctx, event)
}

// interrupted runs the hooks, so that they save, when the batches end with an error. It returns ctx's error after an interrupt, and the
// data's error otherwise.
func (t *Trainer) interrupted(ctx context.Context, last Event, err error) error {
	saved := t.finish(ctx, last)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return cmp.Or(saved, ctx.Err())
	}
	return errors.Join(fmt.Errorf("read batch: %w", err), saved)
}

// finish repeats the last event to the hooks, marked as Last and Replayed.
func (t *Trainer) finish(ctx context.Context, last Event) error {
	if last.Trainer == nil || last.Last {
		return nil
	}
	last.Last, last.Replayed = true, true
	_, err := t.runHooks(ctx, last)
	return err
}

// runHooks runs every hook with a context that an interrupt doesn't cancel. An error of a hook makes the step the last one. The other
// hooks still run, so that the step is saved; those before it in the list receive the event again. So does ErrStop, which is reported as
// stopped.
func (t *Trainer) runHooks(ctx context.Context, e Event) (stopped bool, err error) {
	ctx = context.WithoutCancel(ctx)
	var failed []error
	for i, h := range t.Hooks {
		switch err := h.After(ctx, e); {
		case err == nil:
			continue
		case errors.Is(err, ErrStop):
			stopped = true
		default:
			failed = append(failed, err)
		}
		again := e
		again.Last, again.Replayed, again.Done = true, true, e.Done || stopped
		if e.Last && e.Done == again.Done {
			continue
		}
		e.Last, e.Done = true, again.Done
		for _, earlier := range t.Hooks[:i] {
			if err := earlier.After(ctx, again); err != nil && !errors.Is(err, ErrStop) {
				failed = append(failed, err)
			}
		}
	}
	return stopped, errors.Join(failed...)
}

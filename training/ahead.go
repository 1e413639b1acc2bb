package training

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/training/record"
)

// ahead makes a step without waiting for the accelerator, except when its numbers are to be read. The gradients are clipped, and a
// step with a number that is not finite is skipped, on the device. AfterStep runs after a skipped step, too.
func (t *Trainer) ahead(s *torch.Scope, o Deferred, b *datasets.Batch, st *Stats) error {
	pass, err := o.Begin(s, b)
	if err != nil {
		return err
	}
	st.moved = true
	norm := t.Optimizer.StepAhead(s, st.LR, pass.Losses)
	o.AfterStep()
	t.pending = true
	if st.Pending = st.Step%t.ReadEvery != 0 && st.Step != t.Schedule.Steps; st.Pending {
		st.Parts, st.GradNorm = Parts{Loss: math.NaN(), Scale: math.NaN()}, math.NaN()
		return nil
	}
	st.Parts, st.GradNorm = pass.Read(), norm.Item()
	st.Skipped = !record.Finite(st.Loss) || !record.Finite(st.GradNorm)
	t.sync()
	st.BadInRow = t.badInRow
	return nil
}

// sync waits for the steps and reads how many were skipped. It runs inside torch.Do.
func (t *Trainer) sync() {
	inARow, all := t.Optimizer.Failed()
	t.Progress.BadSteps += all - t.failed
	t.badInRow, t.failed, t.pending = inARow, all, false
}

// Sync waits for pending steps and updates Progress.
func (t *Trainer) Sync(ctx context.Context) error {
	if !t.pending {
		return nil
	}
	return torch.Do(ctx, func(*torch.Scope) error { t.sync(); return nil })
}

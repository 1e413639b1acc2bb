package training

import (
	"context"
	"math"

	"clipgo/datasets"
	"clipgo/internal/torch"
)

// ahead makes a step that nobody waits for, unless its numbers are to be read. Whether it is made, and how its gradients are
// clipped, is decided where they are. What the objective does after a step it does after one that was left out, too.
func (t *Trainer) ahead(s *torch.Scope, o Deferred, b *datasets.Batch, st *Stats) error {
	pass, err := o.Begin(s, b)
	if err != nil {
		return err
	}
	st.moved = true
	norm := t.Optimizer.StepAhead(s, st.LR, pass.Losses)
	o.AfterStep()
	t.unread = true
	if st.Unread = st.Step%t.ReadEvery != 0 && st.Step != t.Schedule.Steps; st.Unread {
		st.Parts, st.GradNorm = Parts{Loss: math.NaN(), Scale: math.NaN()}, math.NaN()
		return nil
	}
	st.Parts, st.GradNorm = pass.Read(), norm.Item()
	st.Skipped = !finite(st.Loss) || !finite(st.GradNorm)
	t.settle()
	st.BadInRow = t.badInRow
	return nil
}

// settle reads what the steps ahead came to. It runs inside torch.Do.
func (t *Trainer) settle() {
	inARow, all := t.Optimizer.Failed()
	t.Progress.BadSteps += all - t.failed
	t.badInRow, t.failed, t.unread = inARow, all, false
}

// Settle brings Progress up to date where steps were made that nobody waited for.
func (t *Trainer) Settle(ctx context.Context) error {
	if !t.unread {
		return nil
	}
	return torch.Do(ctx, func(*torch.Scope) error { t.settle(); return nil })
}

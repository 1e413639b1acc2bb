// Package training runs a training: one step, the loop around it, checkpoints, metrics. It knows no model: it drives an
// Objective.
package training

import (
	"context"
	"errors"
	"fmt"
	"math"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/training/record"
)

// Objective joins a model with its loss.
type Objective interface {
	// Params lists what is trained.
	Params() []*nn.Param
	// Accumulate makes the forward and backward pass of one step's batch, in scope s.
	Accumulate(s *torch.Scope, b *datasets.Batch) (Parts, error)
	// AfterStep runs once the parameters have moved, on libtorch's thread.
	AfterStep()
}

// Divisible is an Objective that can make a step in smaller pieces.
type Divisible interface {
	// Halve makes the pieces of further steps, of n pairs each, half as large. It returns how many pairs a piece has then; 0
	// where it can't be smaller.
	Halve(n int) int
}

// Deferred is an Objective whose pass needs no number on the host, so that an accelerator never waits for it.
type Deferred interface {
	Objective
	// Begin is Accumulate with its numbers still to be read, within scope s.
	Begin(s *torch.Scope, b *datasets.Batch) (Pass, error)
}

// Pass is a forward and backward pass that may still be under way.
type Pass struct {
	Losses []*torch.Tensor // scalars that make up what is minimized
	Read   func() Parts    // waits for the numbers
}

// Finish waits for a pass: it makes Accumulate of Begin.
func Finish(p Pass, err error) (Parts, error) {
	if err != nil {
		return Parts{}, err
	}
	return p.Read(), nil
}

// Parts are the numbers of one forward pass.
type Parts struct {
	Loss  float64 // what was minimized
	Scale float64 // exp(logit_scale) that the pass used
	Extra []Named // what Loss is made of, and other numbers of the objective, in an order of its own that stays
}

// Named is a number under the name that it has in metrics.jsonl, such as mlm_loss.
type Named = record.Named

// Part is the number of Extra that has a name, or else the loss itself.
func (p Parts) Part(name string) float64 {
	for _, n := range p.Extra {
		if n.Name == name {
			return n.Value
		}
	}
	return p.Loss
}

// Stats are the numbers of one step.
type Stats struct {
	Parts
	Step     int     // 1 for the first
	LR       float64 // the rate of this step
	GradNorm float64 // before clipping
	Skipped  bool    // loss or gradient was not finite: the parameters did not move
	BadInRow int     // how many steps up to this one were skipped in a row
	Unread   bool    // nobody waited for the step: only Step and LR are known, other numbers are NaN
	// MicroBatch is how many pairs go through the model at once from this step on, after it ran out of memory; 0 where the step
	// went as planned.
	MicroBatch int

	moved bool // the parameters began to move
}

// Trainer holds a training between steps.
type Trainer struct {
	Objective Objective
	Optimizer *optim.AdamW
	Schedule  optim.Schedule
	LR        float64 // the schedule's base
	Hooks     []Hook
	StopAfter int // end this sitting after so many steps; 0: none
	// ReadEvery says that the numbers of a step are read each so many steps, and at the end, and that the host waits for no
	// other: it runs ahead of an accelerator. That takes a Deferred objective. 0: it waits for each, before the parameters move.
	ReadEvery int

	Progress Progress

	badInRow int
	failed   int  // of the optimizer's steps ahead, as last read
	unread   bool // steps were made since
}

// Progress is how far a training is; a checkpoint restores it.
type Progress struct {
	Step     int   `json:"step"`      // steps made
	Samples  int64 `json:"samples"`   // pairs that the steps used, replacements included
	Position int64 `json:"position"`  // next slot of the data: epoch * length + offset in the epoch's order
	Skipped  int64 `json:"skipped"`   // slots whose own sample could not be used
	Replaced int64 `json:"replaced"`  // slots of those that got another sample: Samples + Skipped - Replaced is the number of slots
	BadSteps int   `json:"bad_steps"` // steps that were not made because a number was not finite
}

// Step makes one optimizer step: forward and backward, norm, AdamW, and whatever the objective does after it. A loss
// or a gradient that is not finite never reaches the parameters. Where the memory is too small for the forward and backward
// pass, a Divisible objective makes it again, and all further ones, in smaller pieces.
func (t *Trainer) Step(ctx context.Context, b *datasets.Batch) (Stats, error) {
	st := Stats{Step: t.Progress.Step + 1, LR: t.Schedule.Rate(t.LR, t.Progress.Step)}
	for {
		err := t.try(ctx, b, &st)
		if err == nil {
			break
		}
		if st.moved || !t.halve(b, err, &st) {
			return st, fmt.Errorf("step %d: %w", st.Step, err)
		}
	}
	t.advance(b, st)
	return st, nil
}

// try makes a step. Until the parameters begin to move, an error leaves nothing behind.
func (t *Trainer) try(ctx context.Context, b *datasets.Batch, st *Stats) error {
	return torch.DoGrad(ctx, func(s *torch.Scope) error {
		defer t.Optimizer.DropGradients()
		if o, ok := t.Objective.(Deferred); ok && t.ReadEvery > 0 {
			return t.ahead(s, o, b, st)
		}
		return t.waiting(s, b, st)
	})
}

// waiting makes a step whose numbers are looked at before the parameters move.
func (t *Trainer) waiting(s *torch.Scope, b *datasets.Batch, st *Stats) (err error) {
	if st.Parts, err = t.Objective.Accumulate(s, b); err != nil {
		return err
	}
	st.GradNorm = t.Optimizer.GradNorm()
	if st.Skipped = !finite(st.Loss) || !finite(st.GradNorm); st.Skipped {
		t.badInRow++
		t.Progress.BadSteps++
		st.BadInRow = t.badInRow
		return nil
	}
	t.badInRow, st.moved = 0, true
	t.Optimizer.Step(st.LR, st.GradNorm)
	t.Objective.AfterStep()
	return nil
}

// halve retries with a smaller micro-batch if err is out-of-memory and the objective has a smaller one.
func (t *Trainer) halve(b *datasets.Batch, err error, st *Stats) bool {
	var refused *torch.Error
	d, divisible := t.Objective.(Divisible)
	if !divisible || !errors.As(err, &refused) || !refused.OutOfMemory() {
		return false
	}
	st.MicroBatch = d.Halve(b.N)
	return st.MicroBatch > 0
}

func (t *Trainer) advance(b *datasets.Batch, st Stats) {
	t.Progress.Step = st.Step
	t.Progress.Samples += int64(b.N)
	t.Pass(b)
}

// Pass counts a batch without usable samples, for which no step is made.
func (t *Trainer) Pass(b *datasets.Batch) {
	t.Progress.Position = b.Next
	t.Progress.Skipped += int64(len(b.Skipped))
	t.Progress.Replaced += int64(b.Replaced)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

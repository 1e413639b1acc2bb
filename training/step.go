// Package training holds the training step, the loop around it, checkpoints, metrics and a diagnosis. It knows no model: it minimizes
// the loss of an Objective.
package training

import (
	"context"
	"errors"
	"fmt"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/training/dist"
	"clipgo/training/record"
)

// Objective combines a model with its loss.
type Objective interface {
	// Params lists the trained parameters.
	Params() []*nn.Param
	// Accumulate runs the forward and backward pass of a step's batch, in scope s. It leaves the gradients in the parameters.
	Accumulate(s *torch.Scope, b *datasets.Batch) (Parts, error)
	// AfterStep runs after each update of the parameters, on libtorch's thread.
	AfterStep()
}

// Described is an Objective that says how its own numbers, Parts.Extra, are drawn. Those without a curve are in metrics.jsonl only.
type Described interface {
	Objective
	Curves() []Curve
}

// Curve describes a number of an objective.
type Curve = record.Curve

// PartOfLoss describes a term of the loss, before its weight.
func PartOfLoss(key string) Curve {
	return Curve{Key: key, Chart: "Parts of the loss", About: "Each before its weight."}
}

// Accuracy describes a share of right answers.
func Accuracy(key string) Curve {
	return Curve{Key: key, Chart: "Accuracy", About: "Share of what the batch asked for that came first.", Fraction: true}
}

// Divisible is an Objective that can use smaller micro-batches.
type Divisible interface {
	// Halve halves the micro-batch of further steps, whose batches have n pairs. It returns the new size in pairs, or 0 if the
	// micro-batch can't be smaller.
	Halve(n int) int
}

// Deferred is an Objective whose forward and backward pass reads no number on the host, so that it never waits for an accelerator.
type Deferred interface {
	Objective
	// Begin starts the work of Accumulate in scope s. Its numbers can be read later, within s.
	Begin(s *torch.Scope, b *datasets.Batch) (PendingPass, error)
}

// PendingPass is a forward and backward pass that an accelerator may still be computing.
type PendingPass struct {
	Losses []*torch.Tensor // scalars whose sum is minimized
	Read   func() Parts    // waits for the pass and reads its numbers
}

// Finish waits for a pass and reads its numbers, so an objective can implement Accumulate by Begin.
func Finish(p PendingPass, err error) (Parts, error) {
	if err != nil {
		return Parts{}, err
	}
	return p.Read(), nil
}

// Parts are the numbers of one forward pass.
type Parts struct {
	Loss  float64   // the minimized loss
	Scale float64   // exp(logit_scale) of the pass
	Pairs []float64 // loss of each pair of the batch of all processes, whose mean is the contrastive loss; nil: not asked for or not known
	Extra []Named   // terms of Loss and other numbers of the objective, in the same order for each step
}

// Named is a number with its name in metrics.jsonl, such as mlm_loss.
type Named = record.Named

// Part returns the number of Extra with the given name, or Loss if there is none.
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
	LR       float64 // the learning rate of this step
	GradNorm float64 // before clipping
	Skipped  bool    // the loss or the gradient was not finite: the parameters were not updated
	BadInRow int     // number of steps skipped in a row, up to this one
	Pending  bool    // the step's numbers were not read: all but Step and LR are NaN
	// MicroBatch is the new micro-batch size in pairs, after this step ran out of memory; 0 if it didn't.
	MicroBatch int

	moved bool // the update of the parameters has begun
}

// Trainer holds the state of a training between steps.
type Trainer struct {
	Objective Objective
	Optimizer *optim.AdamW
	Schedule  optim.Schedule
	LR        float64 // base learning rate of the schedule
	Hooks     []Hook
	StopAfter int // end this sitting after this many steps; 0: no limit
	// ReadEvery is the number of steps between two readings of a step's numbers; the last step is always read. In between the
	// host runs ahead of the accelerator. It requires a Deferred objective. 0: each step is read before the parameters are updated.
	ReadEvery int
	// Group is the processes that make each step together; nil: this one alone. Join sets it. With several, each step is read.
	Group dist.Group
	// BucketBytes is how much of the gradients is one sum over the processes; 0: 25 MB. It is the same in all of them.
	BucketBytes int

	Progress Progress

	exchange exchange

	badInRow int
	failed   int  // optimizer steps skipped on the device, as last read
	pending  bool // steps have been made since
}

// Progress is how far a training is; a checkpoint restores it.
type Progress struct {
	Step     int   `json:"step"`      // steps made
	Samples  int64 `json:"samples"`   // pairs that the steps used, replacements included
	Position int64 `json:"position"`  // next slot of the data: epoch * length + offset in the epoch's order
	Skipped  int64 `json:"skipped"`   // slots whose own sample could not be used
	Replaced int64 `json:"replaced"`  // skipped slots that got another sample: Samples + Skipped - Replaced is the number of slots
	BadSteps int   `json:"bad_steps"` // steps skipped because the loss or the gradient was not finite
}

// Step makes one optimizer step: forward and backward pass, gradient norm, AdamW, Objective.AfterStep. A loss or gradient that is not
// finite never updates the parameters. If the forward and backward pass run out of memory, a Divisible objective repeats them
// with a smaller micro-batch, which it keeps for further steps.
func (t *Trainer) Step(ctx context.Context, b *datasets.Batch) (Stats, error) {
	st := Stats{Step: t.Progress.Step + 1, LR: t.Schedule.Rate(t.LR, t.Progress.Step)}
	for {
		err := t.try(ctx, b, &st)
		if err == nil {
			break
		}
		if errors.Is(err, errOtherPass) {
			continue
		}
		if st.moved || !t.halve(b, err, &st) {
			return st, fmt.Errorf("step %d: %w", st.Step, err)
		}
	}
	t.advance(b, st)
	return st, nil
}

// try makes a step. An error before the update of the parameters changes nothing.
func (t *Trainer) try(ctx context.Context, b *datasets.Batch, st *Stats) error {
	return torch.DoGrad(ctx, func(s *torch.Scope) error {
		defer t.Optimizer.DropGradients()
		if o, ok := t.Objective.(Deferred); ok && t.ReadEvery > 0 && !t.joined() {
			return t.ahead(s, o, b, st)
		}
		return t.waiting(s, b, st)
	})
}

// waiting makes a step whose numbers are checked on the host before the parameters are updated.
func (t *Trainer) waiting(s *torch.Scope, b *datasets.Batch, st *Stats) (err error) {
	if t.joined() {
		t.exchange.open(s, t)
		defer t.exchange.close(s)
	}
	if st.Parts, err = t.Objective.Accumulate(s, b); err != nil {
		t.exchange.forget()
		return err
	}
	if t.joined() {
		if err := t.exchange.reduce(s, t.Group); err != nil {
			return err
		}
	}
	if st.GradNorm, err = t.norm(); err != nil {
		return err
	}
	if st.Skipped = !record.Finite(st.Loss) || !record.Finite(st.GradNorm); st.Skipped {
		t.badInRow++
		t.Progress.BadSteps++
		st.BadInRow = t.badInRow
		return nil
	}
	t.badInRow, st.moved = 0, true
	if err := t.Optimizer.Step(st.LR, st.GradNorm); err != nil {
		return err
	}
	t.Objective.AfterStep()
	return nil
}

// halve retries with a smaller micro-batch if err is out-of-memory and the objective has a smaller one.
func (t *Trainer) halve(b *datasets.Batch, err error, st *Stats) bool {
	d, divisible := t.Objective.(Divisible)
	if !divisible || !outOfMemory(err) {
		return false
	}
	n, err := t.most(b.N)
	if err != nil {
		return false
	}
	st.MicroBatch = d.Halve(n)
	return st.MicroBatch > 0
}

// outOfMemory reports whether memory was too small, in this process or in another.
func outOfMemory(err error) bool {
	var agreed *dist.Failure
	if errors.As(err, &agreed) {
		return agreed.OutOfMemory
	}
	var refused *torch.Error
	return errors.As(err, &refused) && refused.OutOfMemory()
}

func (t *Trainer) advance(b *datasets.Batch, st Stats) {
	t.Progress.Step = st.Step
	t.Progress.Samples += int64(b.OfAll().N)
	t.countSlots(b)
}

// SkipBatch advances Progress past a batch without a usable sample. It counts the skipped slots and makes no step.
func (t *Trainer) SkipBatch(b *datasets.Batch) { t.countSlots(b) }

// countSlots advances Progress by a batch's slots.
func (t *Trainer) countSlots(b *datasets.Batch) {
	b = b.OfAll()
	t.Progress.Position = b.Next
	t.Progress.Skipped += int64(len(b.Skipped))
	t.Progress.Replaced += int64(b.Replaced)
}

package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/training/dist"
)

// Joinable is an Objective whose batch can be spread over several processes.
type Joinable interface {
	Objective
	// Join spreads the batches over the processes of a group: Accumulate then leaves shares of the gradients, whose sums over the
	// processes are those of the whole batch, and returns the numbers of the whole batch.
	Join(g dist.Group)
}

// Join makes the trainer one of several processes that make each step together. Their parameters, settings and Progress are the same, and
// their batches come from Together. An objective that can't be spread is an error of usage.
func (t *Trainer) Join(g dist.Group) error {
	if g.World() > 1 {
		o, ok := t.Objective.(Joinable)
		if !ok {
			return fault.Usagef("this training runs in one process only, and there are %d: start it without a launcher", g.World())
		}
		o.Join(g)
	}
	t.Group = g
	return nil
}

// joined reports whether there are several processes.
func (t *Trainer) joined() bool { return t.Group != nil && t.Group.World() > 1 }

// most is the largest of a number in all processes.
func (t *Trainer) most(n int) (int, error) {
	if !t.joined() {
		return n, nil
	}
	all, err := t.Group.Agree(float64(n))
	for _, of := range all {
		n = max(n, int(of[0]))
	}
	return n, err
}

// ElsewhereError is the end of a training that another process has ended.
type ElsewhereError struct {
	Rank        int
	Interrupted bool // by its user; then this error is a context.Canceled, too
}

func (e *ElsewhereError) Error() string {
	if e.Interrupted {
		return fmt.Sprintf("process %d was interrupted", e.Rank)
	}
	return fmt.Sprintf("process %d ended the training; its own log says why", e.Rank)
}

// Is says that an interrupt of another process is one of this process.
func (e *ElsewhereError) Is(target error) bool { return e.Interrupted && target == context.Canceled }

// What a process says before each step, the strongest last.
const (
	hasBatch    = iota
	hasEnded    // its data has
	hasLeft     // a hook of it has ended the training as complete
	interrupted // it won't make another step
	failed      // nor will it, by an error
)

// Together agrees on each batch with the other processes before the step. In all of them the stream ends at the same step, whichever
// process is interrupted, has an error or leaves the loop. A batch's Counts, Skipped, SkippedAt and Replaced become those of all
// processes. limit counts the skips; nil: there is none. Of one process the stream is batches itself.
//
// The data may end in all processes at once only; so do batches of loaders with the same slots.
func (t *Trainer) Together(ctx context.Context, batches iter.Seq2[*datasets.Batch, error], limit *datasets.SkipLimit) iter.Seq2[*datasets.Batch, error] {
	if !t.joined() {
		return batches
	}
	return func(yield func(*datasets.Batch, error) bool) {
		for b, err := range batches {
			state := hasBatch
			switch {
			case ctx.Err() != nil:
				state, err = interrupted, ctx.Err()
			case err != nil:
				state = failed
			}
			whole, again, err := t.meet(state, b, err, limit)
			if err != nil {
				yield(whole, err)
				return
			}
			if !again {
				return
			}
			if !yield(whole, nil) {
				t.leave()
				return
			}
		}
		if _, _, err := t.meet(hasEnded, nil, nil, limit); err != nil {
			yield(nil, err)
		}
	}
}

// togetherLeft is the end of a training that all processes come to by themselves: after the last step, or by an error of all.
const togetherLeft = -1

// leave tells the others that this process makes no more steps, unless they know.
func (t *Trainer) leave() {
	if t.leaving == togetherLeft {
		return
	}
	_, _ = t.Group.Agree(statement(max(t.leaving, hasLeft), nil)...)
}

// statement is what a process says of its batch.
func statement(state int, b *datasets.Batch) []float64 {
	if b == nil {
		b = &datasets.Batch{}
	}
	return []float64{float64(state), float64(b.N), float64(len(b.Skipped)), float64(b.Replaced)}
}

// meet is what all processes do with their next batch. It returns whether they go on.
func (t *Trainer) meet(state int, b *datasets.Batch, own error, limit *datasets.SkipLimit) (_ *datasets.Batch, again bool, _ error) {
	all, err := t.Group.Agree(statement(state, b)...)
	if err != nil {
		return nil, false, errors.Join(own, err)
	}
	first := 0
	for rank := range all {
		if all[rank][0] > all[first][0] {
			first = rank
		}
	}
	switch most := int(all[first][0]); {
	case most == hasBatch:
		whole, err := t.join(b, all, limit)
		return whole, true, err
	case own != nil:
		return b, false, own
	case most == interrupted, most == failed:
		return nil, false, &ElsewhereError{Rank: first, Interrupted: most == interrupted}
	}
	return nil, false, nil
}

// join makes the batch one of all processes.
func (t *Trainer) join(b *datasets.Batch, all [][]float64, limit *datasets.SkipLimit) (*datasets.Batch, error) {
	b.Counts, b.Replaced = make([]int, len(all)), int(dist.Sum(all, 3))
	for rank := range all {
		b.Counts[rank] = int(all[rank][1])
	}
	if dist.Sum(all, 2) == 0 {
		return b, nil
	}
	if err := t.tellSkips(b); err != nil {
		return b, err
	}
	for i, skip := range b.Skipped {
		if limit == nil {
			break
		}
		if err := limit.Count(b.SkippedAt[i], skip); err != nil {
			return &datasets.Batch{Next: b.Next, Skipped: b.Skipped[:i+1], SkippedAt: b.SkippedAt[:i+1]}, err
		}
	}
	return b, nil
}

// skips are the skipped samples of a process.
type skips struct {
	Skipped []datasets.Skip
	At      []int64
}

// tellSkips gives a batch the skipped samples of all processes, in the order of their slots.
func (t *Trainer) tellSkips(b *datasets.Batch) error {
	own, err := json.Marshal(skips{b.Skipped, b.SkippedAt})
	if err != nil {
		return err
	}
	all, err := t.Group.Tell(own)
	if err != nil {
		return err
	}
	b.Skipped, b.SkippedAt = nil, nil
	for rank, of := range all {
		var more skips
		if err := json.Unmarshal(of, &more); err != nil {
			return fmt.Errorf("skipped samples of process %d: %w", rank, err)
		}
		b.Skipped, b.SkippedAt = append(b.Skipped, more.Skipped...), append(b.SkippedAt, more.At...)
	}
	return nil
}

package run

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"clipgo/datasets"
	"clipgo/training"
)

// share is what a process tells the others of its part of a batch, for the records, which one of them writes.
type share struct {
	N        int             `json:"n"`
	Replaced int             `json:"replaced,omitempty"`
	Index    []int           `json:"index"`
	Slots    []datasets.Slot `json:"slots"`
	Skipped  []datasets.Skip `json:"skipped,omitempty"`
	At       []int64         `json:"at,omitempty"` // slots of Skipped
}

// together hands a process its batches as long as all processes have one. The last error ends all of them.
func (h *hooks) together(batches iter.Seq2[*datasets.Batch, error], limit datasets.SkipLimit) iter.Seq2[*datasets.Batch, error] {
	v := h.session.voices
	return func(yield func(*datasets.Batch, error) bool) {
		next, stop := iter.Pull2(batches)
		defer stop()
		for {
			b, err, ok := h.nextBatch(next)
			state := going
			switch {
			case err != nil && v.user.Err() == nil:
				state = failing
			case !ok || err != nil:
				state, err = ended, nil
			}
			d, err := v.conclude(state, err)
			if d.state == ended || d.state == finished {
				return
			}
			if d.state == stopping {
				err = v.ctx.Err()
				h.signal = d.signal
			}
			if err == nil {
				err = h.joinBatch(b, &limit)
			}
			if err == nil && b.OfAll().N == 0 { // only unusable samples were left: no step, but they count
				if err = h.record(b.Whole.Skipped, h.session.trainer.Progress.Step); err == nil {
					h.session.accounts.Add(b.Whole, nil)
					h.session.trainer.SkipBatch(b)
					continue
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// nextBatch waits for this process's part of the next batch.
func (h *hooks) nextBatch(next func() (*datasets.Batch, error, bool)) (b *datasets.Batch, err error, ok bool) {
	_ = h.session.voices.whileBusy(func(context.Context) error {
		b, err, ok = next()
		return nil
	})
	return b, err, ok
}

// joinBatch makes b.Whole of what all processes have of a batch, without the pictures and captions.
func (h *hooks) joinBatch(b *datasets.Batch, limit *datasets.SkipLimit) error {
	data, err := json.Marshal(share{N: b.N, Replaced: b.Replaced, Index: b.Index, Slots: b.Slots, Skipped: b.Skipped, At: b.SkippedAt})
	if err != nil {
		return err
	}
	all, err := h.session.voices.group.Tell(data)
	if err != nil {
		return err
	}
	whole := &datasets.Batch{Next: b.Next}
	for _, data := range all {
		var part share
		if err := json.Unmarshal(data, &part); err != nil {
			return err
		}
		whole.N, whole.Replaced = whole.N+part.N, whole.Replaced+part.Replaced
		whole.Index, whole.Slots = append(whole.Index, part.Index...), append(whole.Slots, part.Slots...)
		whole.Skipped, whole.SkippedAt = append(whole.Skipped, part.Skipped...), append(whole.SkippedAt, part.At...)
	}
	b.Whole = whole
	for i, skip := range whole.Skipped { // the parts follow each other, so these are in the order of their slots
		if err := limit.Count(whole.SkippedAt[i], skip); err != nil {
			return errors.Join(err, h.record(whole.Skipped[:i+1], h.session.trainer.Progress.Step+1))
		}
	}
	return nil
}

// given are the batches of the trainer.
func (h *hooks) given(loader *datasets.Loader, batches iter.Seq2[*datasets.Batch, error]) iter.Seq2[*datasets.Batch, error] {
	if h.session.voices.alone() {
		return h.watch(batches)
	}
	return h.together(batches, loader.SkipLimit())
}

// lead runs f in the process that leads, while the others wait.
func (h *hooks) lead(f func(ctx context.Context) error) error {
	if !h.session.voices.leads() {
		return nil
	}
	return h.session.voices.whileBusy(f)
}

// busy is a hook that may take long.
func (h *hooks) busy(hook training.Hook) training.Hook {
	return HookFunc(func(ctx context.Context, e training.Event) error {
		return h.session.voices.whileBusy(func(context.Context) error { return hook.After(ctx, e) })
	})
}

// noteFailures notes which hooks fail: what only this process knows.
func (h *hooks) noteFailures() {
	for i, hook := range h.list {
		h.list[i] = HookFunc(func(ctx context.Context, e training.Event) error {
			err := hook.After(ctx, e)
			h.failed = h.failed || err != nil && !errors.Is(err, training.ErrStop)
			return err
		})
	}
}

// part ends the rounds: the other processes learn how this one has ended its steps, and wait until all have.
func (h *hooks) part(err error) error {
	v := h.session.voices
	if v.alone() || v.left {
		return err
	}
	v.parting = true
	state := finished
	if h.failed || err != nil && !errors.Is(err, context.Canceled) {
		state = failing
	}
	d, told := v.conclude(state, err)
	v.left = true
	if err != nil || d.state == stopping { // which has no effect any more
		return err
	}
	return told
}

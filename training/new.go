package training

import (
	"context"
	"fmt"

	"clipgo/internal/optim"
	"clipgo/internal/torch"
)

// AdamW is the settings of the optimizer: rates, decay, clipping of the gradient's norm.
type AdamW = optim.Config

// DefaultAdamW is what open_clip uses for vision transformers.
func DefaultAdamW() AdamW { return optim.Default() }

// Schedule is the learning rate as a function of the step, and the number of steps.
type Schedule = optim.Schedule

// The kinds of Schedule.
const (
	Cosine        = optim.Cosine
	Const         = optim.Const
	ConstCooldown = optim.ConstCooldown
)

// Shard is the share of this process in an optimizer whose state is divided.
type Shard = optim.Shard

// New is a trainer of an objective that has made no step, with fresh optimizer state. Its owner calls Free.
func New(ctx context.Context, o Objective, adamw AdamW, schedule Schedule) (*Trainer, error) {
	return NewSharded(ctx, o, adamw, schedule, Shard{})
}

// NewSharded is New for one of several processes that divide the optimizer's state. Steps are then not made ahead of the device.
func NewSharded(ctx context.Context, o Objective, adamw AdamW, schedule Schedule, shard Shard) (*Trainer, error) {
	if err := adamw.Validate(); err != nil {
		return nil, err
	}
	if err := schedule.Validate(); err != nil {
		return nil, err
	}
	t := &Trainer{Objective: o, LR: adamw.LR, Schedule: schedule}
	err := torch.Do(ctx, func(*torch.Scope) error {
		t.Optimizer = optim.NewSharded(o.Params(), adamw, shard)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make the optimizer's state: %w", err)
	}
	return t, nil
}

// Free gives the memory of the optimizer's state back. The objective's parameters are its owner's.
func (t *Trainer) Free() {
	t.exchange.forget()
	t.Optimizer.Free()
}

package run

import (
	"cmp"
	"context"
	"io"

	"clipgo/internal/torch"
	"clipgo/training"
)

// shard is this process's part of the optimizer's state. A trial step exchanges nothing.
func (s *session) shard() training.Shard {
	if !s.ShardOptimizer || s.world <= 1 {
		return training.Shard{}
	}
	part := training.Shard{World: s.world, Broadcast: func(int, ...*torch.Tensor) error { return nil }}
	if s.voices != nil {
		part.Rank, part.Broadcast = s.voices.group.Rank(), s.voices.group.Broadcast
	}
	return part
}

// saving is the hook that saves. When the state of a process is lost, there is nothing to save: the run goes on from an earlier checkpoint.
func (s *session) saving() training.Hook {
	if !s.divided() {
		return s.saver
	}
	write := s.trainer.Optimizer.WriteState
	locked := s.saver.Guard
	s.saver.Guard = func() error { return cmp.Or(s.voices.lost, locked()) }
	s.saver.Optimizer = func(w io.Writer) error { return s.voices.jointly(func() error { return write(w) }) }
	return HookFunc(func(ctx context.Context, e training.Event) error {
		err := s.saver.After(ctx, e)
		if s.voices.lost == nil || err == nil {
			return err
		}
		s.console.Log.Warn("the last step can't be saved: a part of the optimizer's state is lost with another process", "step", e.Step)
		return nil
	})
}

// divided tells whether the processes have a part of the optimizer's state each.
func (s *session) divided() bool { return s.shard().World > 1 }

package model

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"clipgo/internal/torch"
)

func TestEmbeddingStopsBetweenBatches(t *testing.T) {
	m := newTiny(t, unchanged)
	ctx, cancel := context.WithCancel(t.Context())
	var encoded atomic.Int64 // by all lanes
	_, err := m.embed(ctx, 10*embedBatch, 1, func(s *torch.Scope, _, _, count int) *torch.Tensor {
		encoded.Add(int64(count))
		cancel()
		return torch.From(s, make([]float32, count*m.Dim()), count, m.Dim())
	})
	if !errors.Is(err, context.Canceled) || encoded.Load() != embedBatch {
		t.Errorf("%v after %d items, want a cancelled context after a batch of %d", err, encoded.Load(), embedBatch)
	}
}

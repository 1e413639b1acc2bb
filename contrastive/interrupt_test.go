package contrastive

import (
	"context"
	"errors"
	"testing"

	"clipgo/internal/torch"
)

func TestEmbeddingStopsBetweenBatches(t *testing.T) {
	m := newTiny(t, unchanged)
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	_, err := m.embed(ctx, 10*embedBatch, 1, func(s *torch.Scope, _, _, count int) *torch.Tensor {
		batches++
		cancel()
		return torch.From(s, make([]float32, count*m.Dim()), count, m.Dim())
	})
	if !errors.Is(err, context.Canceled) || batches != 1 {
		t.Errorf("%v after %d batches, want a cancelled context after 1", err, batches)
	}
}

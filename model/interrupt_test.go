package model_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
)

func TestEmbeddingStopsBetweenBatches(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	ctx, cancel := context.WithCancel(t.Context())
	var encoded atomic.Int64 // by all lanes
	_, err := m.Embed(ctx, 10*model.EmbedBatch, 1, func(s *torch.Scope, _, _, count int) *torch.Tensor {
		encoded.Add(int64(count))
		cancel()
		return torch.From(s, make([]float32, count*m.Dim()), count, m.Dim())
	})
	if !errors.Is(err, context.Canceled) || encoded.Load() != model.EmbedBatch {
		t.Errorf("%v after %d items, want a cancelled context after a batch of %d", err, encoded.Load(), model.EmbedBatch)
	}
}

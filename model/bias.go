package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// WithBias returns the model with a logit_bias that starts at a value, for a loss that needs one and weights that have none. All else
// stays as it is. It frees m.
func (m *Model) WithBias(ctx context.Context, start float64) (*Model, error) {
	c := m.Config
	c.InitLogitBias = &start
	out := m.like(c)
	err := torch.Do(ctx, func(*torch.Scope) error {
		out.params.FillFromParams(m.params, func(s *torch.Scope, _, from *nn.Param) *torch.Tensor {
			if from == nil {
				value := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(start)))
				return torch.FromBytes(s, value, torch.Float32, m.device).Trainable()
			}
			return from.Tensor().In(s).Detach().Trainable() // the same memory
		})
		return nil
	})
	m.Free()
	if err != nil {
		return nil, fmt.Errorf("add logit_bias: %w", err)
	}
	return out, nil
}

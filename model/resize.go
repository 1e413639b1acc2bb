package model

import (
	"context"
	"fmt"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/text"
	"clipgo/vision"
)

// Resize returns the model for pictures of another size and captions of another length. Position tables are interpolated as
// open_clip does when it loads weights; all else stays as it is. It frees m.
func (m *Model) Resize(ctx context.Context, imageSize, contextLength int) (*Model, error) {
	c := m.Config
	c.Vision.ImageSize, c.Text.ContextLength = imageSize, contextLength
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := m.like(c)
	out.Preprocess.Size = imageSize
	err := torch.Do(ctx, func(*torch.Scope) error {
		out.params.FillFromParams(m.params, func(s *torch.Scope, q, from *nn.Param) *torch.Tensor {
			if q.Len() == from.Len() {
				return from.Tensor().In(s).Detach().Trainable() // the same memory
			}
			return torch.From(s, resizePositions(c, q, from), q.Shape...).OnDevice(m.device).Trainable()
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("resize the position tables: %w", err)
	}
	m.Free()
	return out, nil
}

// resizePositions interpolates a position table; no other parameter depends on the sizes.
func resizePositions(c Config, to, from *nn.Param) []float32 {
	table, width := from.Tensor().Float32s(), from.Shape[len(from.Shape)-1]
	grid := c.Vision.ImageSize / c.Vision.PatchSize
	switch from.Name {
	case "visual.positional_embedding":
		return vision.ResizePositions(table, width, grid, grid)
	case "visual.trunk.pos_embed": // has no class row
		return vision.ResizePositions(append(make([]float32, width), table...), width, grid, grid)[width:]
	case "positional_embedding", "text.positional_embedding":
		return text.ResizePositions(table, width, to.Shape[0]) // open_clip interpolates the class token's row with the others
	}
	panic("model: " + to.Name + " changed its shape with the sizes")
}

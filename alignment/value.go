package alignment

import (
	"context"
	"fmt"
	"io"

	"clipgo/captioning"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// ValueHead is PPO's critic: a linear layer on the decoder's output rows that predicts the sum of the rewards to come. It starts as
// zero.
type ValueHead struct {
	params *nn.Params
	weight *nn.Param // [1, D]
	bias   *nn.Param // [1]
}

func declareValue(c captioning.Captioner) *ValueHead {
	h := &ValueHead{params: nn.NewParams()}
	at := h.params.Root().At("value_head")
	h.weight = at.Declare("weight", nn.Constant(0), 1, c.Config.Multimodal.Width)
	h.bias = at.Declare("bias", nn.Constant(0), 1)
	return h
}

// NewValueHead makes the head of a captioner that has not been tuned yet. Its owner calls Free.
func NewValueHead(ctx context.Context, c captioning.Captioner) (*ValueHead, error) {
	h := declareValue(c)
	err := torch.Do(ctx, func(*torch.Scope) error {
		h.params.Fill(0, c.Device())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make the value head: %w", err)
	}
	return h, nil
}

// ReadValueHead reads what Write wrote, for a captioner. A file that does not fit is a *model.WeightsError.
func ReadValueHead(ctx context.Context, path string, c captioning.Captioner) (*ValueHead, error) {
	h := declareValue(c)
	return h, restore(ctx, h.params, path, c.Device())
}

// forward maps rows [R, D] to values, float32 [R].
func (h *ValueHead) forward(rows *torch.Tensor) *torch.Tensor {
	x := rows.To(torch.Float32)
	return x.Linear(h.weight.For(x), h.bias.For(x)).Reshape(-1)
}

// Free gives the memory back.
func (h *ValueHead) Free() { h.params.Free() }

// Write writes the head as safetensors, float32.
func (h *ValueHead) Write(w io.Writer) error {
	return nn.Write(w, h.params.All(), map[string]string{"format": "pt"})
}

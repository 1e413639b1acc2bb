package model

import (
	"context"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Attention is the attention weights of one layer for a few pictures or captions, [Batch, Heads, Length, Length] row-major, a row for
// each query. The receiver may keep the slice.
type Attention struct {
	Layer, Batch, Heads, Length int
	Weights                     []float32
}

// attendBatch is the number of inputs computed at once: the weights of a layer are Heads * Length^2 numbers per input.
const attendBatch = 8

// AttendImages calls see with the attention weights of the image tower for n pictures, uint8 [n, S, S, 3]: layer by layer for a few
// pictures at a time, of which from is the first.
func (m *Model) AttendImages(ctx context.Context, pixels []uint8, n int, see func(from int, a Attention)) error {
	width := len(pixels) / max(n, 1)
	return m.attend(ctx, n, see, func(s *torch.Scope, from, to int, mode nn.Mode) {
		m.EncodeImages(s, pixels[from*width:to*width], to-from, mode)
	})
}

// AttendTokens is AttendImages for the text tower and n captions of L ids each. Where captions can be trimmed, Length is that of the
// longest caption of those computed together.
func (m *Model) AttendTokens(ctx context.Context, ids []int32, n int, see func(from int, a Attention)) error {
	l := len(ids) / max(n, 1)
	return m.attend(ctx, n, see, func(s *torch.Scope, from, to int, mode nn.Mode) {
		part := ids[from*l : to*l]
		m.EncodeTokens(s, m.trim(part, l, longest(part, l)), to-from, mode)
	})
}

func (m *Model) attend(ctx context.Context, n int, see func(from int, a Attention),
	encode func(s *torch.Scope, from, to int, mode nn.Mode)) error {
	for from := 0; from < n; from += attendBatch {
		mode := m.Mode()
		mode.Attend = func(layer int, weights *torch.Tensor) {
			shape := weights.Shape()
			see(from, Attention{Layer: layer, Batch: shape[0], Heads: shape[1], Length: shape[2], Weights: weights.Float32s()})
		}
		err := torch.Do(ctx, func(s *torch.Scope) error {
			encode(s, from, min(from+attendBatch, n), mode)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

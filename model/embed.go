package model

import (
	"clipgo/internal/torch"
	"context"
	"slices"
)

// EmbedBatch is the number of pictures or captions that are embedded at once on a CPU: larger batches gain nothing there and cost
// memory. Other devices take deviceBatch, which keeps their cores busy.
const (
	EmbedBatch  = 64
	deviceBatch = 512
)

// embeds is the number for the model's device.
func (m *Model) embeds() int {
	if m.device == torch.CPU {
		return EmbedBatch
	}
	return deviceBatch
}

// EmbedImages maps pixels, uint8 [n, S, S, 3], to unit features [n, E], row-major. It stops between two batches, with the
// context's error, once the context is done.
func (m *Model) EmbedImages(ctx context.Context, pixels []uint8, n int) ([]float32, error) {
	return m.embed(ctx, n, len(pixels)/max(n, 1), func(s *torch.Scope, from, to, count int) *torch.Tensor {
		return m.EncodeImages(s, pixels[from:to], count, m.Mode())
	})
}

// EmbedWithNorms maps pixels as EmbedImages does. Norms, [n], are the lengths that the features had before they were made unit.
func (m *Model) EmbedWithNorms(ctx context.Context, pixels []uint8, n int) (features, norms []float32, err error) {
	rows, err := m.embed(ctx, n, len(pixels)/max(n, 1), func(s *torch.Scope, from, to, count int) *torch.Tensor {
		raw := m.rawImages(s, pixels[from:to], count, m.Mode())
		u := unit(raw)
		return torch.Cat(1, u, raw.To(u.DType()).Mul(u).SumAlong(1).Reshape(-1, 1))
	})
	e := m.Dim()
	for ; len(rows) > e; rows = rows[e+1:] {
		features, norms = append(features, rows[:e]...), append(norms, rows[e])
	}
	return features, norms, err
}

// EmbedTokens maps n captions of L token ids each, row-major, to unit features [n, E], row-major. The padding behind a
// batch's longest caption is not computed where it changes nothing. It stops as EmbedImages does.
func (m *Model) EmbedTokens(ctx context.Context, ids []int32, n int) ([]float32, error) {
	l := len(ids) / max(n, 1)
	if m.words != nil {
		return m.embedLight(ctx, ids, n)
	}
	return m.embed(ctx, n, l, func(s *torch.Scope, from, to, count int) *torch.Tensor {
		return m.EncodeTokens(s, m.trim(ids[from:to], l, longest(ids[from:to], l)), count, m.Mode())
	})
}

// embed runs one tower over n items, each width elements long in the caller's slice, a batch at a time, which is split
// over lanes as one in training is.
func (m *Model) embed(ctx context.Context, n, width int, encode func(s *torch.Scope, from, to, count int) *torch.Tensor) ([]float32,
	error) {
	out := make([]float32, 0, n*m.Dim())
	for i := 0; i < n; i += m.embeds() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		count := min(m.embeds(), n-i)
		parts := make([][]float32, m.laneCount(count))
		err := torch.DoRows(ctx, func(s *torch.Scope) error {
			lanes := s.Lanes(len(parts))
			m.params.Split(lanes)
			lanes.Each(func(k int, s *torch.Scope) {
				from, to := share(k, len(parts), count)
				parts[k] = m.few(from, to, func(from, to int) []float32 {
					return encode(s, (i+from)*width, (i+to)*width, to-from).Float32s()
				})
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, slices.Concat(parts...)...)
	}
	return out, nil
}

// few calls encode for items [from, to), in 8 bits for a few at a time.
func (m *Model) few(from, to int, encode func(from, to int) []float32) []float32 {
	if !m.int8 {
		return encode(from, to)
	}
	var out []float32
	for ; from < to; from += int8Items {
		out = append(out, encode(from, min(from+int8Items, to))...)
	}
	return out
}

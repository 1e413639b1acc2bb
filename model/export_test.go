package model

import (
	"context"

	"clipgo/datasets"
	"clipgo/internal/torch"
)

// Embed runs a tower that a test makes up.
func (m *Model) Embed(ctx context.Context, n, width int, encode func(s *torch.Scope, from, to, count int) *torch.Tensor) ([]float32,
	error) {
	return m.embed(ctx, n, width, encode)
}

// Split cuts a whole batch into the parts of its lanes.
func (m *Model) Split(b *datasets.Batch) []Part { return m.split(b, span{0, b.N, m.laneCount(b.N)}) }

// Locked says whether a lock freezes the parameter of a name.
func (m *Model) Locked(name string, l Lock) bool { return m.locked(name, l) }

// Longest is the largest number of ids before the padding among captions of l ids each.
func Longest(ids []int32, l int) int { return longest(ids, l) }

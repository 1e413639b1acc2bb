package model

import (
	"slices"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Part is what one lane computes of a micro-batch.
type Part struct {
	From, N int     // pairs, from a row of the batch on
	Pixels  []uint8 // [N, S, S, 3]
	IDs     []int32 // [N, L], cut to the batch's longest caption where the config is Trimmable
	Mode    nn.Mode
}

// A micro-batch is split over lanes as long as each gets pairsOfLane pairs, and for models of up to laneParams parameters, not counting
// embedding tables: each lane has its own gradients, and products of large matrices use all cores as they are.
const (
	pairsOfLane = 8
	laneParams  = 30e6
)

// laneCount is how many parts a micro-batch of n pairs is split into.
func (m *Model) laneCount(n int) int {
	if m.int8 {
		return max(1, min(torch.Threads(), n/int8Items))
	}
	if m.device != torch.CPU || m.params.DenseCount() > laneParams {
		return 1
	}
	return max(1, min(torch.Threads(), n/pairsOfLane))
}

// span is the rows of a micro-batch, and the number of its parts.
type span struct{ from, to, parts int }

// share is the k-th of so many parts of n items, which differ by one item at most.
func share(k, parts, n int) (from, to int) { return k * n / parts, (k + 1) * n / parts }

// split cuts a micro-batch into parts.
func (m *Model) split(b *datasets.Batch, at span) []Part {
	pixels, l, n := len(b.Pixels)/b.N, len(b.IDs)/b.N, at.to-at.from
	ids := m.trim(b.IDs[at.from*l:at.to*l], b.ContextLength, at.tokens(b))
	parts := make([]Part, at.parts)
	l = len(ids) / n
	for i := range parts {
		from, to := share(i, len(parts), n)
		p := Part{From: at.from + from, N: to - from, IDs: ids[from*l : to*l], Mode: m.Mode()}
		p.Pixels = b.Pixels[p.From*pixels : (p.From+p.N)*pixels]
		if b.DropKeys != nil {
			p.Mode.DropKeys = b.DropKeys[p.From : p.From+p.N]
		}
		parts[i] = p
	}
	return parts
}

// tokens is the number of ids before the padding in the longest caption of the micro-batch.
func (at span) tokens(b *datasets.Batch) int {
	if at.to-at.from == b.N || len(b.Lengths) != b.N {
		return b.MaxTokens
	}
	return slices.Max(b.Lengths[at.from:at.to])
}

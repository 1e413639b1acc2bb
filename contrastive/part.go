package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// part is what one lane computes of a batch: n pairs from a row on.
type part struct {
	from, n int
	pixels  []uint8
	ids     []int32
	mode    nn.Mode
}

// A batch is split over lanes as long as each gets pairsOfLane pairs, and for models up to laneParams parameters besides
// tables: a lane has gradients of its own, and products of large matrices use all cores as they are.
const (
	pairsOfLane = 8
	laneParams  = 30e6
)

// lanes is how many parts a batch of n pairs is split into.
func (m *Model) lanes(n int) int {
	if m.device != torch.CPU || m.params.DenseCount() > laneParams {
		return 1
	}
	return max(1, min(torch.Threads(), n/pairsOfLane))
}

// split cuts a batch into parts that differ by one pair at most.
func (m *Model) split(b *datasets.Batch) []part {
	ids := m.trim(b.IDs, b.ContextLength, b.MaxTokens)
	parts := make([]part, m.lanes(b.N))
	pixels, l := len(b.Pixels)/b.N, len(ids)/b.N
	for i := range parts {
		from, to := i*b.N/len(parts), (i+1)*b.N/len(parts)
		parts[i] = part{from: from, n: to - from, pixels: b.Pixels[from*pixels : to*pixels], ids: ids[from*l : to*l], mode: m.mode()}
		if b.DropKeys != nil {
			parts[i].mode.DropKeys = b.DropKeys[from:to]
		}
	}
	return parts
}

// encode gives the features of a part, both [n, E].
func (m *Model) encode(s *torch.Scope, p part) (images, texts *torch.Tensor) {
	return m.EncodeImages(s, p.pixels, p.n, p.mode), m.EncodeTokens(s, p.ids, p.n, p.mode)
}

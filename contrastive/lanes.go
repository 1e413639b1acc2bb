package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Part is what one lane computes of a batch.
type Part struct {
	From, N int     // pairs, from a row of the batch on
	Pixels  []uint8 // [N, S, S, 3]
	IDs     []int32 // [N, L], cut to the batch's longest caption where the config is Trimmable
	Mode    nn.Mode
}

// A batch is split over lanes as long as each gets pairsOfLane pairs, and for models up to laneParams parameters besides
// tables: a lane has gradients of its own, and products of large matrices use all cores as they are.
const (
	pairsOfLane = 8
	laneParams  = 30e6
)

// Lanes splits a batch over lanes. In each lane the parameters, and those of sets beside the model, have gradients of
// their own; join adds them up once all lanes have gone back through their graphs.
func (m *Model) Lanes(s *torch.Scope, b *datasets.Batch, beside ...*nn.Params) (lanes *torch.Lanes, parts []Part, join func()) {
	parts = m.split(b)
	lanes = s.Lanes(len(parts))
	sets := append([]*nn.Params{m.params}, beside...)
	for _, params := range sets {
		params.Split(lanes)
	}
	return lanes, parts, func() {
		for _, params := range sets {
			params.Join(lanes)
		}
	}
}

// lanes is how many parts a batch of n pairs is split into.
func (m *Model) lanes(n int) int {
	if m.device != torch.CPU || m.params.DenseCount() > laneParams {
		return 1
	}
	return max(1, min(torch.Threads(), n/pairsOfLane))
}

// split cuts a batch into parts that differ by one pair at most.
func (m *Model) split(b *datasets.Batch) []Part {
	ids := m.trim(b.IDs, b.ContextLength, b.MaxTokens)
	parts := make([]Part, m.lanes(b.N))
	pixels, l := len(b.Pixels)/b.N, len(ids)/b.N
	for i := range parts {
		from, to := i*b.N/len(parts), (i+1)*b.N/len(parts)
		parts[i] = Part{From: from, N: to - from, Pixels: b.Pixels[from*pixels : to*pixels], IDs: ids[from*l : to*l], Mode: m.mode()}
		if b.DropKeys != nil {
			parts[i].Mode.DropKeys = b.DropKeys[from:to]
		}
	}
	return parts
}

// Contrast is what the loss sees of a batch: the features of all lanes, as leaves that collect the loss's gradient.
func (o *Objective) Contrast(s *torch.Scope, images, texts []*torch.Tensor, b *datasets.Batch) Contrast {
	in := Contrast{Image: leaf(s, images), Text: leaf(s, texts), Scale: o.Model.Scale(s), Bias: o.Model.Bias(s)}
	if o.DedupTargets {
		in.Group = groups(b.IDs, b.ContextLength)
	}
	return in
}

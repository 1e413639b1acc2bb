package model

import (
	"slices"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// MicroBatches take a batch through the towers, one micro-batch after another, each split into one part per lane. Several
// micro-batches need the memory of one (GradCache, Gao et al., 2021): Features computes all features without a graph, the loss
// over them gives the gradient of each feature, and Backward recomputes each micro-batch with its graph and continues from that
// gradient. A single micro-batch keeps its graph between the two.
//
// Random choices (patch dropout) are functions of the pairs' keys, so that both passes of a micro-batch make the same.
type MicroBatches struct {
	Parts []Part // in the order of their rows

	lanes *torch.Lanes
	width int          // parts of a micro-batch, one per lane
	sets  []*nn.Params // the model's parameters, and those trained beside them
}

// MicroBatches splits a batch into micro-batches of at most so many pairs; 0 is one micro-batch of all pairs. Each lane gets its
// own gradients of the model's parameters and of those in beside. It is called within a step's scope s.
func (m *Model) MicroBatches(s *torch.Scope, b *datasets.Batch, pairs int, beside ...*nn.Params) *MicroBatches {
	if pairs == 0 {
		pairs = b.N
	}
	mb := &MicroBatches{width: m.laneCount(min(pairs, b.N)), sets: append([]*nn.Params{m.params}, beside...)}
	for from := 0; from < b.N; from += pairs {
		mb.Parts = append(mb.Parts, m.split(b, span{from, min(from+pairs, b.N), mb.width})...)
	}
	mb.lanes = s.Lanes(mb.width)
	for _, params := range mb.sets {
		params.Split(mb.lanes)
	}
	return mb
}

// Recomputed reports whether there are several micro-batches: Features then records no graph, and the function given to Backward
// has to compute a part's features again.
func (mb *MicroBatches) Recomputed() bool { return len(mb.Parts) > mb.width }

// Each calls f once for each part with pairs, those of a lane in order. It is for passes without gradients.
func (mb *MicroBatches) Each(f func(i int, s *torch.Scope)) {
	mb.lanes.Each(func(lane int, s *torch.Scope) {
		for i := lane; i < len(mb.Parts); i += mb.width {
			if mb.Parts[i].N > 0 { // the last micro-batch can have fewer pairs than lanes
				f(i, s)
			}
		}
	})
}

// Features calls encode for each part i and returns the features [N, E] by part; those of a part without pairs are nil.
func (mb *MicroBatches) Features(encode func(i int, s *torch.Scope) (image, text *torch.Tensor)) (images, texts []*torch.Tensor) {
	images, texts = make([]*torch.Tensor, len(mb.Parts)), make([]*torch.Tensor, len(mb.Parts))
	mb.Each(func(i int, s *torch.Scope) {
		if !mb.Recomputed() {
			images[i], texts[i] = encode(i, s)
			return
		}
		s.Unrecorded(func(inner *torch.Scope) {
			image, text := encode(i, inner)
			images[i], texts[i] = s.Keep(image), s.Keep(text)
		})
	})
	return images, texts
}

// Backward calls back for each part i, which goes backward through its graph, and then adds up the gradients of the lanes in a
// fixed order. A loss that is a sum over pairs needs no Features: back makes the forward pass too. Each part makes the same passes, so
// that sums over processes can start within the last one (torch.Overlap). Backward doesn't return before they have ended.
func (mb *MicroBatches) Backward(back func(i int, s *torch.Scope)) {
	last, busy := mb.last()
	sums, complete := mb.lanes.Overlap(), false
	sums.Begin(busy)
	defer func() { sums.End(complete) }()
	mb.Each(func(i int, s *torch.Scope) {
		if last[i] {
			sums.Last(i % mb.width)
		}
		if !mb.Recomputed() {
			back(i, s)
			return
		}
		s.Within(func(inner *torch.Scope) { back(i, inner) })
		for _, params := range mb.sets {
			params.GatherRows(s)
		}
	})
	for _, params := range mb.sets {
		params.Join(mb.lanes)
	}
	complete = true
}

// last tells of each part whether it is the last one of its lane, and of each lane whether it has parts.
func (mb *MicroBatches) last() (last, busy []bool) {
	last, busy = make([]bool, len(mb.Parts)), make([]bool, mb.width)
	for i, p := range slices.Backward(mb.Parts) {
		if lane := i % mb.width; p.N > 0 && !busy[lane] {
			last[i], busy[lane] = true, true
		}
	}
	return last, busy
}

// Keep makes a tensor that the function given to Backward computes for part i live until the step ends. It is called within that
// function.
func (mb *MicroBatches) Keep(i int, x *torch.Tensor) *torch.Tensor {
	return mb.lanes.Keep(i%mb.width, x)
}

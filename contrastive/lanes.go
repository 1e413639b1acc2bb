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

// Lanes splits a batch over lanes for an objective that computes more than features. In each lane the parameters have
// gradients of their own; join adds them up once all lanes have gone back through their graphs.
func (m *Model) Lanes(s *torch.Scope, b *datasets.Batch) (lanes *torch.Lanes, parts []Part, join func()) {
	for _, p := range m.split(b) {
		parts = append(parts, Part{From: p.from, N: p.n, Pixels: p.pixels, IDs: p.ids, Mode: p.mode})
	}
	lanes = s.Lanes(len(parts))
	m.params.Split(lanes)
	return lanes, parts, func() { m.params.Join(lanes) }
}

// Contrast is what the loss sees of a batch: the features of all lanes, as leaves that collect the loss's gradient.
func (o *Objective) Contrast(s *torch.Scope, images, texts []*torch.Tensor, b *datasets.Batch) Contrast {
	in := Contrast{Image: leaf(s, images), Text: leaf(s, texts), Scale: o.Model.Scale(s), Bias: o.Model.Bias(s)}
	if o.DedupTargets {
		in.Group = groups(b.IDs, b.ContextLength)
	}
	return in
}

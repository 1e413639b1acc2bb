package model

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Rounds take a batch through the towers, some pairs after others, each round split over lanes. A batch of several rounds
// costs the memory of one (GradCache, Gao et al., 2021): its features are computed without a graph, the loss of all of them gives
// each feature's gradient, and then each round is made again with its graph, and goes back from those.
//
// Random choices are functions of the pairs' keys, so that both passes of a round make the same.
type Rounds struct {
	Parts []Part // in the order of their rows

	lanes *torch.Lanes
	wide  int // parts of a round, one for each lane
	sets  []*nn.Params
}

// Rounds cuts a batch into rounds of up to so many pairs; 0 is all in one. Parameters are those of the model and of sets
// beside it.
func (m *Model) Rounds(s *torch.Scope, b *datasets.Batch, pairs int, beside ...*nn.Params) *Rounds {
	if pairs == 0 {
		pairs = b.N
	}
	r := &Rounds{wide: m.lanes(min(pairs, b.N)), sets: append([]*nn.Params{m.params}, beside...)}
	for from := 0; from < b.N; from += pairs {
		r.Parts = append(r.Parts, m.split(b, stretch{from, min(from+pairs, b.N), r.wide})...)
	}
	r.lanes = s.Lanes(r.wide)
	for _, params := range r.sets {
		params.Split(r.lanes)
	}
	return r
}

// Again says whether the features come without a graph, so that Backward's function has to compute them again.
func (r *Rounds) Again() bool { return len(r.Parts) > r.wide }

// Features computes those of all parts, each of its own index.
func (r *Rounds) Features(encode func(i int, s *torch.Scope) (image, text *torch.Tensor)) (images, texts []*torch.Tensor) {
	images, texts = make([]*torch.Tensor, len(r.Parts)), make([]*torch.Tensor, len(r.Parts))
	r.each(func(i int, s *torch.Scope) {
		if !r.Again() {
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

// Backward goes back through all parts, and adds up what the lanes have gathered in a fixed order.
func (r *Rounds) Backward(back func(i int, s *torch.Scope)) {
	r.each(func(i int, s *torch.Scope) {
		if !r.Again() {
			back(i, s)
			return
		}
		s.Within(func(inner *torch.Scope) { back(i, inner) })
		for _, params := range r.sets {
			params.GatherRows(s)
		}
	})
	r.join()
}

// Keep makes what Backward's function has computed for part i live as long as the step. It is called within that function.
func (r *Rounds) Keep(i int, x *torch.Tensor) *torch.Tensor { return r.lanes.Keep(i%r.wide, x) }

func (r *Rounds) join() {
	for _, params := range r.sets {
		params.Join(r.lanes)
	}
}

// each runs f in every lane for the lane's parts, one after the other. The last round may leave a lane without pairs.
func (r *Rounds) each(f func(i int, s *torch.Scope)) {
	r.lanes.Each(func(lane int, s *torch.Scope) {
		for i := lane; i < len(r.Parts); i += r.wide {
			if r.Parts[i].N > 0 {
				f(i, s)
			}
		}
	})
}

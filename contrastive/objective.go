package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training"
)

// Objective trains a model with a contrastive loss. It is what training.Trainer drives.
type Objective struct {
	Model   *Model
	Loss    Loss
	Average *Average // follows the model; nil: none
	// DedupTargets tells the loss which captions of a batch are equal, by their ids. InfoNCE shares the target between them;
	// as equal captions have equal features, that changes only what label smoothing takes from them. To Sigmoid they belong to
	// each other's pictures.
	DedupTargets bool
	Words        *MaskedWords // nil: none
}

// Params lists what is trained, in open_clip's order, and what is beside the model.
func (o *Objective) Params() []*nn.Param {
	if o.Words == nil {
		return o.Model.Trained()
	}
	return append(o.Model.Trained(), o.Words.params.All()...)
}

// Accumulate makes the forward and backward pass of one batch.
//
// The towers run in lanes, each with its part of the batch, and are left with their graphs while the loss is made from all
// features; its gradient to them then goes on through each lane's graph. Masked words are a pass of their own in each lane.
func (o *Objective) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	m := o.Model
	lanes, parts, join := m.Lanes(s, b, o.beside()...)
	holes, err := o.holes(b, parts)
	if err != nil {
		return training.Parts{}, err
	}
	images, texts := make([]*torch.Tensor, len(parts)), make([]*torch.Tensor, len(parts))
	lanes.Each(func(i int, s *torch.Scope) {
		p := parts[i]
		images[i], texts[i] = m.EncodeImages(s, p.Pixels, p.N, p.Mode), m.EncodeTokens(s, p.IDs, p.N, p.Mode)
	})

	in := o.Contrast(s, images, texts, b)
	loss := o.Loss.Forward(in)
	loss.Backward()

	image, words := in.Image.Gradient(s), in.Text.Gradient(s)
	lanes.Each(func(i int, s *torch.Scope) {
		backward(images[i], image, parts[i].From)
		backward(texts[i], words, parts[i].From)
		if o.Words != nil {
			o.Words.learn(s, m.text, holes[i])
		}
	})
	join()
	return o.sum(training.Parts{Loss: loss.Item(), Scale: in.Scale.Item()}, holes), nil
}

// leaf is the features of all lanes, [B, E], where the graphs of the towers end and that of the loss begins.
func leaf(s *torch.Scope, lanes []*torch.Tensor) *torch.Tensor {
	all := make([]*torch.Tensor, len(lanes))
	for i, x := range lanes {
		all[i] = s.Keep(x).Detach()
	}
	return torch.Cat(0, all...).Trainable()
}

// backward goes on from the loss's gradient to all features, of which x are those from a row on.
func backward(x, gradient *torch.Tensor, from int) {
	if x.Recorded() { // a locked tower is not
		x.BackwardFrom(gradient.In(x.Scope()).Narrow(0, from, x.Shape()[0]))
	}
}

// AfterStep keeps the scale within CLIP's bounds and lets the average follow.
func (o *Objective) AfterStep() {
	if o.Model.logitScale.Trained() {
		o.Model.ClampScale()
	}
	if o.Average != nil {
		o.Average.update()
	}
}

// trim cuts captions of l ids each to their first keep, where padding behind the end of text changes nothing: it is most
// of what a text tower would compute.
func (m *Model) trim(ids []int32, l, keep int) []int32 {
	if !m.Config.Text.Trimmable() {
		return ids
	}
	return cut(ids, l, keep)
}

// cut leaves of captions of l ids each their first keep.
func cut(ids []int32, l, keep int) []int32 {
	if keep >= l {
		return ids
	}
	out := make([]int32, 0, len(ids)/l*keep)
	for i := 0; i < len(ids); i += l {
		out = append(out, ids[i:i+keep]...)
	}
	return out
}

// longest is how many ids the longest of several captions of l ids each has before its padding, which is 0; at least 1.
func longest(ids []int32, l int) int {
	most := 1
	for i, id := range ids {
		if id != 0 {
			most = max(most, i%l+1)
		}
	}
	return most
}

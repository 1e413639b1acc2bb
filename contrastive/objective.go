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
}

// Params lists what is trained, in open_clip's order.
func (o *Objective) Params() []*nn.Param { return o.Model.Trained() }

// Accumulate makes the forward and backward pass of one batch.
func (o *Objective) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	m := o.Model
	mode := m.mode()
	mode.DropKeys = b.DropKeys
	scale := m.Scale(s)
	in := Contrast{
		Image: m.EncodeImages(s, b.Pixels, b.N, mode),
		Text:  m.EncodeTokens(s, m.trim(b.IDs, b.ContextLength, b.MaxTokens), b.N, mode),
		Scale: scale,
		Bias:  m.Bias(s),
	}
	loss := o.Loss.Forward(in)
	loss.Backward()
	return training.Parts{Loss: loss.Item(), Scale: scale.Item()}, nil
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
	if keep >= l || !m.Config.Text.Trimmable() {
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

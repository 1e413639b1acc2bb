package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/training"
)

// Objective trains a model with a contrastive loss. It is what training.Trainer drives.
type Objective struct {
	Model     *Model
	Loss      Loss
	LockScale bool // keep the temperature as it is
}

// Params lists what is trained, in open_clip's order.
func (o *Objective) Params() []*nn.Param {
	if !o.LockScale {
		return o.Model.Params()
	}
	var out []*nn.Param
	for _, p := range o.Model.Params() {
		if p != o.Model.logitScale {
			out = append(out, p)
		}
	}
	return out
}

// Accumulate makes the forward and backward pass of one batch.
func (o *Objective) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	m := o.Model
	mode := m.mode()
	mode.DropKeys = b.DropKeys
	scale := m.Scale(s)
	in := Contrast{
		Image: m.EncodeImages(s, b.Pixels, b.N, mode),
		Text:  m.EncodeTokens(s, trim(b), b.N, mode),
		Scale: scale,
	}
	loss := o.Loss.Forward(in)
	loss.Backward()
	return training.Parts{Loss: loss.Item(), Scale: scale.Item()}, nil
}

// AfterStep keeps the scale within CLIP's bounds.
func (o *Objective) AfterStep() {
	if !o.LockScale {
		o.Model.ClampScale()
	}
}

// trim cuts the captions to the longest of the batch: padding behind the end of text changes nothing under causal
// attention, and is most of what a text tower would compute.
func trim(b *datasets.Batch) []int32 {
	l, keep := b.ContextLength, min(b.ContextLength, b.MaxTokens)
	if keep == l {
		return b.IDs
	}
	out := make([]int32, 0, b.N*keep)
	for i := range b.N {
		out = append(out, b.IDs[i*l:i*l+keep]...)
	}
	return out
}

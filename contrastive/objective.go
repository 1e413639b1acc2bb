package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/training"
)

// Objective trains a model with a contrastive loss. It is what training.Trainer drives.
type Objective struct {
	Model   *model.Model
	Loss    Loss
	Average *model.Average // follows the model; nil: none
	// DedupTargets tells the loss which captions of a batch are equal, by their ids, or tell of pictures that have the same
	// captions. InfoNCE shares the target between them; to Sigmoid they belong to each other's pictures.
	DedupTargets bool
	Words        *MaskedWords // nil: none
	// MicroBatch is how many pairs go through the towers at once; 0: all of a batch. It changes memory and time, not the
	// gradient.
	MicroBatch int
}

// Params lists what is trained, in open_clip's order, and what is beside the model.
func (o *Objective) Params() []*nn.Param {
	if o.Words == nil {
		return o.Model.Trained()
	}
	return append(o.Model.Trained(), o.Words.params.All()...)
}

// Accumulate makes the forward and backward pass of one batch and waits for its numbers.
func (o *Objective) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	return training.Finish(o.Begin(s, b))
}

// Begin makes the forward and backward pass of one batch.
//
// The towers compute the features of all micro-batches. The loss is made from all of them, and its gradient with respect to the
// features goes backward through the graph of each part, kept or recomputed. Masked words are a pass of their own in each part.
func (o *Objective) Begin(s *torch.Scope, b *datasets.Batch) (training.Pass, error) {
	mb := o.Model.MicroBatches(s, b, o.MicroBatch, o.beside()...)
	holes, err := o.holes(b, mb.Parts)
	if err != nil {
		return training.Pass{}, err
	}
	encode := func(i int, s *torch.Scope) (image, text *torch.Tensor) {
		p := mb.Parts[i]
		return o.Model.EncodeImages(s, p.Pixels, p.N, p.Mode), o.Model.EncodeTokens(s, p.IDs, p.N, p.Mode)
	}
	images, texts := mb.Features(encode)
	in := o.Contrast(s, images, texts, b)
	loss := o.Descend(in, 1)
	mb.Backward(func(i int, s *torch.Scope) {
		image, text := images[i], texts[i]
		if mb.Recomputed() {
			image, text = encode(i, s)
		}
		backward(image, loss.Image, mb.Parts[i].From)
		backward(text, loss.Text, mb.Parts[i].From)
		if o.Words != nil {
			o.Words.learn(s, o.Model.Text(), holes[i])
			holes[i].outlive(mb, i)
		}
	})
	return training.Pass{Losses: append(wordLosses(holes), loss.Loss), Read: func() training.Parts {
		return o.sum(training.Parts{Loss: loss.Loss.Item(), Scale: in.Scale.Item()}, holes)
	}}, nil
}

// Contrast is what the loss sees of a batch: the features of all lanes, as leaves that collect the loss's gradient.
func (o *Objective) Contrast(s *torch.Scope, images, texts []*torch.Tensor, b *datasets.Batch) Contrast {
	in := Contrast{Image: leaf(s, images), Text: leaf(s, texts), Scale: o.Model.Scale(s), Bias: o.Model.Bias(s)}
	if o.DedupTargets {
		in.Group = groups(b)
	}
	return in
}

// Halve lets the next steps take half as many pairs through the towers at once, of a batch of n, for want of memory. It says
// how many that are; 0 is none, since a single pair was too much.
func (o *Objective) Halve(n int) int {
	if o.MicroBatch > 0 {
		n = min(n, o.MicroBatch)
	}
	if n < 2 {
		return 0
	}
	o.MicroBatch = (n + 1) / 2
	return o.MicroBatch
}

// leaf is the features of all parts, [B, E], where the graphs of the towers end and that of the loss begins.
func leaf(s *torch.Scope, parts []*torch.Tensor) *torch.Tensor {
	var all []*torch.Tensor
	for _, x := range parts {
		if x != nil { // a part without pairs
			all = append(all, s.Keep(x).Detach())
		}
	}
	return torch.Cat(0, all...).Trainable()
}

// backward goes on from the loss's gradient to all features, of which x are those from a row on.
func backward(x, gradient *torch.Tensor, from int) {
	if x.Recorded() { // a locked tower is not
		x.BackwardFrom(gradient.In(x.Scope()).Narrow(0, from, x.Shape()[0]))
	}
}

// AfterStep keeps logit_scale within CLIP's bounds and updates the average.
func (o *Objective) AfterStep() {
	o.Model.ClampScale()
	if o.Average != nil {
		o.Average.Update()
	}
}

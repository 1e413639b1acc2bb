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
	Model *model.Model
	Loss  Loss
	EMA   *model.EMA // of the model's parameters; nil: none
	// DedupTargets groups pairs whose captions have equal token ids, or whose pictures have the same set of captions. InfoNCE
	// shares the target's mass within a group; Sigmoid takes all pairs of a picture and a caption in one group as positive.
	DedupTargets bool
	Words        *MaskedWords // nil: none
	// MicroBatch is the number of pairs that go through the towers at once; 0: the whole batch. It changes memory and time, not
	// the gradient.
	MicroBatch int
	// PairLosses has Parts.Pairs filled in, up to 4,096 pairs.
	PairLosses bool
}

// Params lists the trained parameters: the model's in open_clip's order, then those of Words.
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
func (o *Objective) Begin(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	mb := o.Model.MicroBatches(s, b, o.MicroBatch, o.beside()...)
	masked, err := o.mask(b, mb.Parts)
	if err != nil {
		return training.PendingPass{}, err
	}
	encode := func(i int, s *torch.Scope) (image, text *torch.Tensor) {
		p := mb.Parts[i]
		return o.Model.EncodeImages(s, p.Pixels, p.N, p.Mode), o.Model.EncodeTokens(s, p.IDs, p.N, p.Mode)
	}
	images, texts := mb.Features(encode)
	in := o.LossInput(s, images, texts, b)
	loss, each := o.BackwardLoss(in, 1), o.LossOfPairs(in)
	mb.Backward(func(i int, s *torch.Scope) {
		image, text := images[i], texts[i]
		if mb.Recomputed() {
			image, text = encode(i, s)
		}
		backward(image, loss.Image, mb.Parts[i].From)
		backward(text, loss.Text, mb.Parts[i].From)
		if o.Words != nil {
			o.Words.backward(s, o.Model.Text(), masked[i])
			masked[i].keep(mb, i)
		}
	})
	return training.PendingPass{Losses: append(wordLosses(masked), loss.Loss), Read: func() training.Parts {
		return o.sum(training.Parts{Loss: loss.Loss.Item(), Scale: in.Scale.Item(), Pairs: ReadPairs(each)}, masked)
	}}, nil
}

// LossInput is what the loss is computed from: the features of all parts, as leaves that collect the loss's gradient, and which
// captions are equal.
func (o *Objective) LossInput(s *torch.Scope, images, texts []*torch.Tensor, b *datasets.Batch) LossInput {
	in := LossInput{Image: leaf(s, images), Text: leaf(s, texts), Scale: o.Model.Scale(s), Bias: o.Model.Bias(s)}
	if o.DedupTargets {
		in.Group = groups(b)
	}
	return in
}

// Halve halves the micro-batches of the next steps, for a batch of n pairs that did not fit in memory. It returns their new size, or
// 0 if a single pair did not fit.
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

// leaf joins the features of all parts to a leaf [B, E]: the graphs of the towers end here, that of the loss begins.
func leaf(s *torch.Scope, parts []*torch.Tensor) *torch.Tensor {
	var all []*torch.Tensor
	for _, x := range parts {
		if x != nil { // a part without pairs
			all = append(all, s.Keep(x).Detach())
		}
	}
	return torch.Cat(0, all...).Trainable()
}

// backward continues from the gradient of all features [B, E] through the graph of x, the rows of a part that begin at from.
func backward(x, gradient *torch.Tensor, from int) {
	if x.Recorded() { // a locked tower is not
		x.BackwardFrom(gradient.In(x.Scope()).Narrow(0, from, x.Shape()[0]))
	}
}

// AfterStep keeps logit_scale within CLIP's bounds and updates the average.
func (o *Objective) AfterStep() {
	o.Model.ClampScale()
	if o.EMA != nil {
		o.EMA.Update()
	}
}

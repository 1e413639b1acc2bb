package contrastive

import (
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/training"
	"clipgo/training/dist"
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
	Group      dist.Group // the processes that have a part of each batch; nil: this one alone
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

// Begin makes the forward and backward pass of one batch. With several processes it waits for its numbers.
//
// The towers compute the features of all micro-batches. The loss is made from all of them, and its gradient with respect to the
// features goes backward through the graph of each part, kept or recomputed. Masked words are a pass of their own in each part.
func (o *Objective) Begin(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	if o.Joined() {
		return o.together(s, b)
	}
	p := &trip{o: o}
	p.forward(s, b)
	if p.refused != nil {
		return training.PendingPass{}, p.refused
	}
	in := o.LossInput(s, p.images, p.texts, b)
	loss, each := o.BackwardLoss(in, 1), o.LossOfPairs(in)
	p.backward(loss)
	return training.PendingPass{Losses: append(wordLosses(p.masked), loss.Loss), Read: func() training.Parts {
		return o.sum(training.Parts{Loss: loss.Loss.Item(), Scale: in.Scale.Item(), Pairs: ReadPairs(each)}, p.masked)
	}}, nil
}

// trip is the way of a batch through the towers and back.
type trip struct {
	o             *Objective
	mb            *model.MicroBatches
	images, texts []*torch.Tensor // features of each part
	masked        []*maskedPart
	refused       error
}

// forward computes the features. It returns the number of masked words.
func (p *trip) forward(s *torch.Scope, b *datasets.Batch) (words float64) {
	p.mb = p.o.Model.MicroBatches(s, b, p.o.MicroBatch, p.o.beside()...)
	if p.masked, p.refused = p.o.mask(b, p.mb.Parts); p.refused != nil {
		return 0
	}
	p.images, p.texts = p.mb.Features(p.encode)
	for _, h := range p.masked {
		words += float64(len(h.Chosen))
	}
	return words
}

func (p *trip) encode(i int, s *torch.Scope) (image, text *torch.Tensor) {
	part, m := p.mb.Parts[i], p.o.Model
	return m.EncodeImages(s, part.Pixels, part.N, part.Mode), m.EncodeTokens(s, part.IDs, part.N, part.Mode)
}

// backward goes back from the gradients of all features.
func (p *trip) backward(loss LossGrads) {
	p.mb.Backward(func(i int, s *torch.Scope) {
		var image, text *torch.Tensor
		if p.mb.Recomputed() {
			image, text = p.encode(i, s)
		} else {
			image, text = p.images[i], p.texts[i]
		}
		backward(image, loss.Image, p.mb.Parts[i].From)
		backward(text, loss.Text, p.mb.Parts[i].From)
		if p.o.Words != nil {
			p.o.Words.backward(s, p.o.Model.Text(), p.masked[i])
			p.masked[i].keep(p.mb, i)
		}
	})
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
	return torch.Cat(0, detached(s, parts)...).Trainable()
}

// detached are the features of the parts that have pairs, without their graphs.
func detached(s *torch.Scope, parts []*torch.Tensor) (all []*torch.Tensor) {
	for _, x := range parts {
		if x != nil {
			all = append(all, s.Keep(x).Detach())
		}
	}
	return all
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

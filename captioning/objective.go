package captioning

import (
	"errors"
	"fmt"
	"slices"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/training"
)

// Weights say how much each of CoCa's losses counts.
type Weights struct {
	// With Contrastive 0 the decoder learns alone, which tunes a captioner.
	Contrastive float64 `json:"coca_contrastive_loss_weight" flag:"coca-contrastive-loss-weight" arg:"x" help:"weight of objective coca's InfoNCE (default 1); 0 with --lock-image tunes a captioner"`
	Caption     float64 `json:"coca_caption_loss_weight" flag:"coca-caption-loss-weight" arg:"x" help:"weight of objective coca's captions (default 2)"`
}

// DefaultWeights are open_clip's, and the paper's.
func DefaultWeights() Weights { return Weights{Contrastive: 1, Caption: 2} }

// Validate returns every problem, joined.
func (w Weights) Validate() error {
	var errs []error
	for _, f := range []struct {
		key   string
		value float64
	}{{"coca_contrastive_loss_weight", w.Contrastive}, {"coca_caption_loss_weight", w.Caption}} {
		if !(f.value >= 0) {
			errs = append(errs, fmt.Errorf("%s: %g is negative", f.key, f.value))
		}
	}
	if w.Caption == 0 {
		errs = append(errs, errors.New("coca_caption_loss_weight: at 0 nothing trains the decoder; use objective clip"))
	}
	return errors.Join(errs...)
}

// Objective trains a model with CoCa's loss: the contrastive one and the captions' causal one (Yu et al., 2022, equation 4).
//
//	loss = w_contrastive contrastive + w_caption -1/n sum_t log P(x_t | x_<t, picture)
//
// over the n tokens of the whole batch that are not padding.
type Objective struct {
	contrastive.Objective
	Weights   Weights
	Smoothing losses.Smoothing // of the caption's tokens, over the vocabulary
}

// pass is one lane's forward pass, with its graph.
type pass struct {
	image, words *torch.Tensor // features
	caption      *torch.Tensor // this part's share of the batch's caption loss
}

// Accumulate makes the forward and backward pass of one batch and waits for its numbers.
func (o *Objective) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	return training.Finish(o.Begin(s, b))
}

// Begin makes the forward and backward pass of one batch. Each part computes its features and its share of the caption loss. The
// contrastive loss is computed from all features, and its gradient goes backward through each part together with that of the
// caption loss. With several processes it waits for its numbers.
func (o *Objective) Begin(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	if o.Joined() {
		return o.together(s, b)
	}
	t := newTrip(o, s, b)
	t.forward(t.tokens)
	in := o.LossInput(s, t.images, t.texts, b)
	loss, each := o.contrast(in), o.LossOfPairs(in)
	t.backward(loss, t.tokens)
	return o.result(t.shares, loss.Loss, o.Model.Scale(s), each), nil
}

// result is the losses of a pass: the caption loss as shares of the parts, nil for a part without pairs, and the contrastive loss, nil
// if its weight is 0. each is the contrastive loss of each pair, or nil.
func (o *Objective) result(shares []*torch.Tensor, contrast, scale, each *torch.Tensor) training.PendingPass {
	shares = slices.DeleteFunc(shares, func(x *torch.Tensor) bool { return x == nil })
	all := shares
	if contrast != nil {
		all = append([]*torch.Tensor{contrast}, shares...)
	}
	return training.PendingPass{Losses: all, Read: func() training.Parts {
		var whole, caption float64
		for _, share := range shares {
			caption += share.Item()
		}
		if contrast != nil {
			whole = contrast.Item()
		}
		return o.parts(whole, caption, scale.Item(), contrastive.ReadPairs(each))
	}}
}

// Curves describes the terms of the loss.
func (o *Objective) Curves() []training.Curve {
	return []training.Curve{training.PartOfLoss("caption_loss"), training.PartOfLoss("contrastive_loss")}
}

// contrast returns the contrastive loss and its weighted gradients with respect to all features; nothing if its weight is 0.
func (o *Objective) contrast(in contrastive.LossInput) contrastive.LossGrads {
	if o.Weights.Contrastive == 0 {
		return contrastive.LossGrads{}
	}
	return o.BackwardLoss(in, o.Weights.Contrastive)
}

// along returns sum(x * gradient), a scalar whose gradient with respect to x is the given one. x is the rows of a part, which begin at
// from; gradient is that of all features, or nil for 0. So one backward pass serves both losses.
func along(x, gradient *torch.Tensor, from int) *torch.Tensor {
	if gradient == nil {
		return torch.Zeros(x.Scope(), torch.Float32, x.Device())
	}
	return x.Mul(gradient.In(x.Scope()).Narrow(0, from, x.Shape()[0])).Sum()
}

package alignment

import (
	"slices"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/training"
)

// Preference trains a reward on judged pairs. It is what training.Trainer drives.
type Preference struct {
	Reward
	// Preferred is the judgement of a sample: 1 for the first side, 0 for the second, 0.5 for a tie.
	Preferred func(index int) float64
	// Base is a snapshot of the model before training. After each step the parameters move towards it by Pull; nil: they don't.
	Base *model.EMA
	// Pull is the weight of Base in that step, learning rate * strength: L2-SP (Li et al., 2018), decoupled from the gradient as
	// AdamW's decay is.
	Pull func() float64
}

// Params lists what is trained: the model's parameters, then the head's. With a head the scale of the score has no part in
// the reward and stays as it is.
func (o *Preference) Params() []*nn.Param {
	if o.Head == nil {
		return o.Model.Trained()
	}
	return append(slices.DeleteFunc(o.Model.Trained(), isScale), o.Head.params.All()...)
}

func isScale(p *nn.Param) bool { return p.Name == "logit_scale" }

// Accumulate makes the forward and backward pass of one batch of pairs and waits for its numbers. Parts.Scale is that of the
// score.
func (o *Preference) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	return training.Finish(o.Begin(s, b))
}

// Begin makes the forward and backward pass of one batch of pairs, each lane its part. The loss is a sum over pairs.
func (o *Preference) Begin(s *torch.Scope, b *datasets.Batch) (training.PendingPass, error) {
	mb := o.Model.MicroBatches(s, b, 0, o.beside()...)
	targets := make([]float32, b.N)
	for i, index := range b.Index {
		targets[i] = float32(o.Preferred(index))
	}
	shares := make([]*torch.Tensor, len(mb.Parts)) // of the loss
	mb.Backward(func(i int, s *torch.Scope) {
		p := mb.Parts[i]
		first, second := o.pairs(s, p, o.shapeOf(b))
		shares[i] = losses.Ranking(first, second, targets[p.From:p.From+p.N]).Scale(float64(p.N) / float64(b.N))
		shares[i].Backward()
	})
	scale := o.Model.Scale(s)
	return training.PendingPass{Losses: shares, Read: func() training.Parts {
		var loss float64
		for _, share := range shares {
			loss += share.Item()
		}
		return training.Parts{Loss: loss, Scale: scale.Item()}
	}}, nil
}

// AfterStep keeps the scale within CLIP's bounds and pulls the model towards Base.
func (o *Preference) AfterStep() {
	if slices.ContainsFunc(o.Params(), isScale) {
		o.Model.ClampScale()
	}
	if o.Base != nil && o.Pull != nil {
		o.Base.PullTowards(o.Pull())
	}
}

package contrastive

import (
	"clipgo/internal/torch"
	"clipgo/losses"
)

// InfoNCE is CLIP's symmetric cross-entropy over the batch (CLIP paper, figure 3): each picture must find its caption
// among all captions of the batch, and each caption its picture.
//
//	loss = (L(image -> text) + L(text -> image)) / 2,  L = -mean_i log( exp(s v_i.t_i) / sum_j exp(s v_i.t_j) )
//
// Where the batch says which captions are equal, those share the target's mass evenly.
type InfoNCE struct{ losses.Smoothing }

// Forward is the mean of both directions.
func (l InfoNCE) Forward(in LossInput) *torch.Tensor {
	perImage := in.logits()
	perText := perImage.Transpose(0, 1)
	k := perImage.Shape()[0]
	if in.repeats() {
		targets := in.targets(func(right int) (each, other float64) { return l.Shares(right, k) })
		return losses.Soft(perImage, targets).Add(losses.Soft(perText, targets)).Scale(0.5) // equal in both directions
	}
	match := torch.Arange(perImage.Scope(), k, perImage.Device())
	e := l.OverAll(k)
	return perImage.CrossEntropy(match, e).Add(perText.CrossEntropy(match, e)).Scale(0.5)
}

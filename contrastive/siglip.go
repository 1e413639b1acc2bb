package contrastive

import "clipgo/internal/torch"

// Sigmoid is SigLIP's loss (Zhai et al., 2023): each of the B*B pairs of a picture and a caption is a question of its own,
// whether they belong together. The sum over all pairs is divided by B.
type Sigmoid struct{}

// Forward is -sum log sigmoid(y logit) / B, y = 1 for a pair that belongs together and -1 for all others.
func (Sigmoid) Forward(in Contrast) *torch.Tensor {
	logits := in.logits()
	b := logits.Shape()[0]
	y := torch.Eye(logits.Scope(), b, logits.Device()).Scale(2).AddScalar(-1)
	return logits.Mul(y).LogSigmoid().Sum().Scale(-1 / float64(b))
}

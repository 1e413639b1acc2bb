package contrastive

import (
	"math"

	"clipgo/internal/torch"
)

// Sigmoid is SigLIP's loss (Zhai et al., 2023): each of the B*B pairs of a picture and a caption is a question of its own,
// whether they belong together.
//
//	loss = -sum_ij log sigmoid(y_ij (s v_i.t_j + b)) / B
//
// with y = 1 for a pair that belongs together and -1 for all others. Where the batch says which captions are equal, each of
// them belongs to each of their pictures, as labels do in UniCL (Yang et al., 2022).
type Sigmoid struct{}

// Forward sums over all pairs and divides by B.
func (Sigmoid) Forward(in LossInput) *torch.Tensor {
	logits := in.logits()
	return logits.Mul(in.answers(logits)).LogSigmoid().Sum().Scale(-1 / float64(in.pairs()))
}

// answers is the matrix [B, B] of 1 for pairs that belong together and -1 for all others.
func (c LossInput) answers(logits *torch.Tensor) *torch.Tensor {
	if c.repeats() {
		return c.targets(func(int) (each, other float64) { return 1, -1 })
	}
	return torch.Eye(logits.Scope(), c.pairs(), logits.Device()).Scale(2).AddScalar(-1)
}

// Tiles is the loss strip by strip. Its gradient to the logit z_ij is -y_ij sigmoid(-y_ij z_ij) / B.
func (l Sigmoid) Tiles(in LossInput) LossGrads { return l.tiles(in.tiled(0)) }

func (l Sigmoid) tiles(t *tiling) LossGrads { return l.rows(t, 0, t.pairs()) }

// rows is the part of the loss in n rows of the matrix, from one on.
func (Sigmoid) rows(t *tiling, from, n int) LossGrads {
	b, group := t.pairs(), t.groups()
	losses, toBias := t.total(), t.total()
	t.span(from, n, func(s *torch.Scope, from, n int) {
		z := t.logits(s, from, n)
		if t.Bias != nil {
			z.AddInPlace(t.Bias)
		}
		y := sameGroup(group.In(s), from, n, z.DType())
		y.MulInPlace(number(y, 2))
		y.AddInPlace(number(y, -1))
		z.MulInPlace(y)
		addSum(losses, z.LogSigmoid())
		gradient := z.Scale(-1).Sigmoid()
		gradient.MulInPlace(y)
		gradient.MulInPlace(number(y, -1/float64(b)))
		addSum(toBias, gradient)
		t.add(from, gradient)
	})
	out := t.lossGrads(losses.Scale(-1 / float64(b)))
	if t.Bias != nil {
		out.Bias = toBias.To(t.Bias.DType())
	}
	return out
}

// StartBias is the logit_bias at which a batch of n pairs begins with the share of right pairs as its answer everywhere: -ln(n-1).
// SigLIP's -10 is that of 22,000 pairs. A single pair has no negatives: 0.
func StartBias(n int) float64 {
	if n < 2 {
		return 0
	}
	return -math.Log(float64(n - 1))
}

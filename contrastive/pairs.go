package contrastive

import "clipgo/internal/torch"

// Pairs is the loss of each pair: half of its row's cross-entropy and half of its column's. The mean over the pairs is the loss.
func (l InfoNCE) Pairs(in LossInput) *torch.Tensor {
	logits := in.logits()
	b := logits.Shape()[0]
	var targets *torch.Tensor // of a row, and of a column
	if in.repeats() {
		targets = in.targets(func(right int) (each, other float64) { return l.Shares(right, b) })
	} else {
		each, other := l.Shares(1, b)
		targets = torch.Eye(logits.Scope(), b, logits.Device()).To(logits.DType()).Scale(each - other).AddScalar(other)
	}
	oneWay := func(z *torch.Tensor) *torch.Tensor { return z.LogSumExp(1).Sub(z.Mul(targets).SumAlong(1)) }
	return bothWays(oneWay(logits), oneWay(logits.Transpose(0, 1)))
}

// Pairs is the loss of each pair: half of the questions in its row and half of those in its column. The mean over the pairs is the loss.
func (Sigmoid) Pairs(in LossInput) *torch.Tensor {
	logits := in.logits()
	answers := logits.Mul(in.answers(logits)).LogSigmoid().Scale(-1)
	return bothWays(answers.SumAlong(1), answers.SumAlong(0))
}

// bothWays is the mean [B] of the numbers of each row and of each column.
func bothWays(row, column *torch.Tensor) *torch.Tensor {
	b := row.Shape()[0]
	return row.Reshape(b).Add(column.Reshape(b)).Scale(0.5)
}

// LossOfPairs is the loss of each pair, outside of the graph; nil without PairLosses, or where the matrix of all pairs isn't held.
func (o *Objective) LossOfPairs(in LossInput) (losses *torch.Tensor) {
	if !o.PairLosses || in.pairs() > wholeUpTo {
		return nil
	}
	in.Image, in.Text, in.Scale = in.Image.Detach(), in.Text.Detach(), in.Scale.Detach()
	if in.Bias != nil {
		in.Bias = in.Bias.Detach()
	}
	s := in.Image.Scope()
	s.Within(func(inner *torch.Scope) {
		in.Image, in.Text, in.Scale = in.Image.In(inner), in.Text.In(inner), in.Scale.In(inner)
		if in.Bias != nil {
			in.Bias = in.Bias.In(inner)
		}
		losses = s.Keep(o.Loss.Pairs(in))
	})
	return losses
}

// ReadPairs are the numbers of LossOfPairs; nil for nil.
func ReadPairs(losses *torch.Tensor) []float64 {
	if losses == nil {
		return nil
	}
	return losses.To(torch.Float64).Float64s()
}

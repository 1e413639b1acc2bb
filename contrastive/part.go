package contrastive

import "clipgo/internal/torch"

// Part is computed in strips of rows, in both directions. The rows of one direction need no other rows:
//
//	share = sum_i (row_i + col_i - sum_j q_ij (s v_i.t_j + s t_i.v_j)) / 2B
//
// over the pairs i, with the names of Tiles.
func (l InfoNCE) Part(in LossInput, from, n int) LossGrads { return l.part(in.tiled(0), from, n) }

func (l InfoNCE) part(t *tiling, from, n int) LossGrads {
	over, total := 1/float64(2*t.pairs()), t.begin()
	group := t.groups()
	beyond, every := l.targets(t, from, n)
	for _, side := range []*tiling{t, t.turned()} {
		side.span(from, n, func(s *torch.Scope, at, n int) {
			z := side.logits(s, at, n)
			q := sameGroup(group.In(s), at, n, z.DType())
			q.MulInPlace(beyond.In(s).Narrow(0, at-from, n))
			q.AddInPlace(every.In(s).Narrow(0, at-from, n))
			row := z.LogSumExp(1)
			addSum(total, row)
			addSum(total, z.Mul(q).Scale(-1))
			z.SubInPlace(row)
			z.ExpInPlace()
			z.SubInPlace(q)
			z.MulInPlace(number(z, over))
			side.add(at, z)
		})
	}
	out := t.lossGrads(total.Scale(over))
	if t.Bias != nil {
		out.Bias = number(t.Bias, 0) // InfoNCE is invariant to a constant added to all logits
	}
	return out
}

// targets returns [n, 1] each: row i of the targets is beyond_i + every_i within its group and every_i elsewhere.
func (l InfoNCE) targets(t *tiling, from, n int) (beyond, every *torch.Tensor) {
	times, own, all := t.times(), make([]float64, n), make([]float64, n)
	for i := range n {
		each, other := l.Shares(times(from+i), t.pairs())
		own[i], all[i] = each-other, other
	}
	return t.column(own), t.column(all)
}

// Part is the pictures' rows of the matrix of all pairs, strip by strip as in Tiles.
func (l Sigmoid) Part(in LossInput, from, n int) LossGrads {
	t := in.tiled(0)
	t.begin()
	return l.rows(t, from, n)
}

// begin allocates what the strips accumulate into, and a total.
func (t *tiling) begin() (total *torch.Tensor) {
	t.toImage, t.toText = t.zeros(t.Image.DType(), t.Image.Shape()...), t.zeros(t.Text.DType(), t.Text.Shape()...)
	return t.total()
}

// turned has pictures and captions exchanged.
func (t *tiling) turned() *tiling {
	out := *t
	out.Image, out.Text, out.toImage, out.toText = t.Text, t.Image, t.toText, t.toImage
	return &out
}

// sameGroup is a strip of the matrix that is 1 where two pairs are in one group and 0 elsewhere.
func sameGroup(group *torch.Tensor, from, n int, dtype torch.DType) *torch.Tensor {
	return group.Narrow(0, from, n).Reshape(n, 1).Equal(group.Reshape(1, group.Len()), dtype)
}

// column is numbers as [n, 1].
func (t *tiling) column(v []float64) *torch.Tensor {
	return torch.From(t.scope, v, len(v), 1).To(t.Image.DType()).OnDevice(t.Image.Device())
}

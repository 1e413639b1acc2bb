package contrastive

import "clipgo/internal/torch"

// Tiles is the loss in closed form. With row_i and col_j the log-sum-exps of the logits s v.t, and q the targets,
//
//	loss = (sum_i row_i + sum_j col_j - sum_ij (q_ij + q_ji) s v_i.t_j) / 2B
//
// whose gradient with respect to the logit z_ij = s v_i.t_j is (exp(z_ij - row_i) + exp(z_ij - col_j) - q_ij - q_ji) / 2B. The part
// of the targets needs no matrix: it is computed from sums of features, over groups and over all.
func (l InfoNCE) Tiles(in LossInput) LossGrads { return l.tiles(in.tiled(0)) }

func (l InfoNCE) tiles(t *tiling) LossGrads {
	over := 1 / float64(2*t.pairs())
	row, col := t.logSumExps()
	t.each(func(s *torch.Scope, from, n int) {
		byRow := t.logits(s, from, n)
		byCol := byRow.Sub(col)
		byRow.SubInPlace(row.In(s).Narrow(0, from, n))
		byRow.ExpInPlace()
		byCol.ExpInPlace()
		byRow.AddInPlace(byCol)
		byRow.MulInPlace(number(byRow, over))
		t.add(from, byRow)
	})
	positives := l.subtractTargets(t)
	whole := row.Sum().To(torch.Float64).Add(col.Sum().To(torch.Float64)).Scale(over)
	out := t.lossGrads(whole.Sub(positives.Mul(t.Scale.To(torch.Float64))))
	if t.Bias != nil {
		out.Bias = number(t.Bias, 0) // InfoNCE is invariant to a constant added to all logits
	}
	return out
}

// logSumExps returns the log-sum-exps of the logits by row, [B, 1], and by column, [1, B].
func (t *tiling) logSumExps() (row, col *torch.Tensor) {
	b, dtype := t.pairs(), t.Image.DType()
	row = t.zeros(dtype, b, 1)
	cols := t.zeros(dtype, (b+t.rows-1)/t.rows, b) // of each strip
	t.each(func(s *torch.Scope, from, n int) {
		z := t.logits(s, from, n)
		row.In(s).Narrow(0, from, n).CopyInPlace(z.LogSumExp(1))
		cols.In(s).Narrow(0, from/t.rows, 1).CopyInPlace(z.LogSumExp(0))
	})
	return row, cols.LogSumExp(0)
}

// subtractTargets subtracts (q_ij + q_ji) / 2B from the gradients with respect to the products v_i.t_j, summed over the features:
//
//	toImage_i -= sum_j (q_ij + q_ji) t_j / 2B = own_i sum_{j in group(i)} t_j + all_i sum_j t_j + sum_j all_j t_j
//
// and the same for toText with v in place of t. It returns sum_ij (q_ij + q_ji) v_i.t_j / 2B.
func (l InfoNCE) subtractTargets(t *tiling) (product *torch.Tensor) {
	product = t.total()
	own, all := l.shares(t)
	side := func(from, to, with *torch.Tensor) {
		sums := t.groupSums(from)
		every, weighted := from.SumAlong(0), all.Transpose(0, 1).Matmul(from) // [1, E]
		t.each(func(s *torch.Scope, at, n int) {
			x := sums(s, at, n).Mul(own.In(s).Narrow(0, at, n))
			if l.Share > 0 {
				x.AddInPlace(all.In(s).Narrow(0, at, n).Mul(every))
				x.AddInPlace(weighted)
			}
			to.In(s).Narrow(0, at, n).SubInPlace(x)
			if with != nil {
				addSum(product, with.In(s).Narrow(0, at, n).Mul(x))
			}
		})
	}
	side(t.Text, t.toImage, t.Image)
	side(t.Image, t.toText, nil)
	return product
}

// shares returns [B, 1] each: row i of the targets q is each_i on its own group and other_i elsewhere (Smoothing.Shares), and
//
//	own_i = (each_i - other_i) / B
//	all_i = other_i / 2B
//
// own counts q_ij and q_ji, which are equal within a group.
func (l InfoNCE) shares(t *tiling) (own, all *torch.Tensor) {
	b, times := t.pairs(), t.times()
	beyond, every := make([]float64, b), make([]float64, b)
	for i := range b {
		each, other := l.Shares(times(i), b)
		beyond[i], every[i] = (each-other)/float64(b), other/float64(2*b)
	}
	column := func(v []float64) *torch.Tensor {
		return torch.From(t.scope, v, b, 1).To(t.Image.DType()).OnDevice(t.Image.Device())
	}
	return column(beyond), column(every)
}

// groupSums returns strips of the matrix [B, E] whose row i is the sum of x's rows in row i's group.
func (t *tiling) groupSums(x *torch.Tensor) func(s *torch.Scope, from, n int) *torch.Tensor {
	if t.Group == nil {
		return func(s *torch.Scope, from, n int) *torch.Tensor { return x.In(s).Narrow(0, from, n) }
	}
	groups := t.groups()
	sums := t.zeros(x.DType(), x.Shape()...).AddRows(groups, x)
	return func(s *torch.Scope, from, n int) *torch.Tensor { return sums.Rows(groups.In(s).Narrow(0, from, n)) }
}

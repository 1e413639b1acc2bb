package contrastive

import "clipgo/internal/torch"

// Tiles is the loss in closed form. With row_i and col_j the log-sum-exps of the logits s v.t, and q the targets,
//
//	loss = (sum_i row_i + sum_j col_j - sum_ij (q_ij + q_ji) s v_i.t_j) / 2B
//
// whose gradient to the logit of i and j is (exp(s v_i.t_j - row_i) + exp(s v_i.t_j - col_j) - q_ij - q_ji) / 2B. What the targets
// add needs no matrix: it is made from sums of features, over equal captions and over all.
func (l InfoNCE) Tiles(in Contrast) Slopes { return l.tiles(in.tiled(0)) }

func (l InfoNCE) tiles(t *tiling) Slopes {
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
	right := l.pull(t)
	whole := row.Sum().To(torch.Float64).Add(col.Sum().To(torch.Float64)).Scale(over)
	out := t.slopes(whole.Sub(right.Mul(t.Scale.To(torch.Float64))))
	if t.Bias != nil {
		out.Bias = number(t.Bias, 0) // it moves all logits alike
	}
	return out
}

// logSumExps are those of the rows, [B, 1], and of the columns, [1, B].
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

// pull takes the targets' part off the gradients, and returns its product with v.t: sum_ij (q_ij + q_ji) v_i.t_j / 2B.
func (l InfoNCE) pull(t *tiling) (product *torch.Tensor) {
	product = t.total()
	own, all := l.shares(t)
	side := func(from, to, with *torch.Tensor) {
		together := t.together(from)
		every, weighted := from.SumAlong(0), all.Transpose(0, 1).Matmul(from) // [1, E]
		t.each(func(s *torch.Scope, at, n int) {
			x := together(s, at, n).Mul(own.In(s).Narrow(0, at, n))
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

// shares are what a row's targets put on each caption beyond what they put on all, twice, and on all, over 2B: [B, 1].
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

// together gives strips of x's rows, each row the sum of those whose caption is equal.
func (t *tiling) together(x *torch.Tensor) func(s *torch.Scope, from, n int) *torch.Tensor {
	if t.Group == nil {
		return func(s *torch.Scope, from, n int) *torch.Tensor { return x.In(s).Narrow(0, from, n) }
	}
	groups := t.groups()
	sums := t.zeros(x.DType(), x.Shape()...).AddRows(groups, x)
	return func(s *torch.Scope, from, n int) *torch.Tensor { return sums.Rows(groups.In(s).Narrow(0, from, n)) }
}

package optim

import (
	"math"

	"clipgo/internal/nn"
	"clipgo/internal/torch"
)

// Muon (Jordan et al., 2024) is AdamW for all parameters but the matrices of transformer blocks. The update of a matrix is the running
// average of its gradient with all singular values set to about 1, so that each direction of the matrix learns as fast as the
// strongest one. It is PyTorch's torch.optim.Muon with adjust_lr_fn="match_rms_adamw": the update has about the size that AdamW's
// has, so both share one learning rate and weight decay.

// muonMomentum is the decay of the running average of a matrix's gradient.
const muonMomentum = 0.95

// muonSize is the root mean square of AdamW's updates, by measurement (Liu et al., 2025, "Muon is scalable for LLM training").
const muonSize = 0.2

// orthogonal reports whether parameter i is updated by Muon.
func (o *AdamW) orthogonal(i int) bool { return o.config.Opt == OptMuon && o.params[i].Maps() > 0 }

// stepMatrices makes Muon's steps of those of its parameters that this process owns, with learning rate lr. scale multiplies the
// gradients. Each thread takes some of the parameters, in lanes: products this small gain nothing from several threads, and a
// parameter has the same bits with any number of them.
func (o *AdamW) stepMatrices(lr, scale float64) {
	var mine []int
	for i := range o.params {
		if o.owned(i) && o.orthogonal(i) {
			mine = append(mine, i)
		}
	}
	width := torch.Threads() // even for fewer parameters: one lane alone would use all threads
	torch.NewScope().Unrecorded(func(s *torch.Scope) {
		s.Lanes(width).Each(func(lane int, s *torch.Scope) {
			for k := lane; k < len(mine); k += width {
				s.Within(func(s *torch.Scope) { o.stepMatrix(s, mine[k], lr, scale) })
			}
		})
	})
}

// stepMatrix makes the step of parameter i.
func (o *AdamW) stepMatrix(s *torch.Scope, i int, lr, scale float64) {
	leaf, average := o.leaves[i].In(s), o.moments.Mean[i].In(s)
	g := leaf.Gradient(s)
	if g == nil {
		return
	}
	g = g.Scale(scale)
	average.LerpInPlace(g, 1-muonMomentum)
	ahead := average.Scale(muonMomentum).Add(g.Scale(1 - muonMomentum)) // Nesterov's momentum
	leaf.AddInPlace(leaf.Scale(-lr * o.decay[i]))
	leaf.AddInPlace(muonDirection(ahead, o.params[i]).Scale(-lr * muonSize))
}

// muonDirection is the update of a parameter [M R, C], of M maps, for gradient g: each map on its own, with elements whose root mean
// square is about 1.
func muonDirection(g *torch.Tensor, p *nn.Param) *torch.Tensor {
	rows, cols := p.Shape[0]/p.Maps(), p.Shape[1]
	size := math.Sqrt(float64(max(rows, cols)))
	return orthogonalized(g.Reshape(p.Maps(), rows, cols)).Reshape(p.Shape...).Scale(size)
}

// muonEps is the least norm of a gradient: a smaller one has a smaller update.
const muonEps = 1e-7

// muonSteps Newton-Schulz steps with Jordan's coefficients are made, each x = a x + b x x^T x + c (x x^T)^2 x. They raise small singular
// values fast and leave all between 0.7 and 1.2, unless they were less than a thousandth of the matrix's norm.
const (
	muonSteps = 5
	muonA     = 3.4445
	muonB     = -4.7750
	muonC     = 2.0315
)

// orthogonalized is u v^T for each matrix u s v^T of x [M, R, C], about.
func orthogonalized(x *torch.Tensor) *torch.Tensor {
	m, rows, cols := x.Shape()[0], x.Shape()[1], x.Shape()[2]
	x = x.Reshape(m, rows*cols).Scale(1e-12/muonEps).Unit().Reshape(m, rows, cols) // Unit's own least norm is 1e-12
	if rows > cols {
		return newtonSchulz(x.Transpose(1, 2)).Transpose(1, 2)
	}
	return newtonSchulz(x)
}

// newtonSchulz makes the steps of matrices x [M, R, C] with R <= C. A step costs 2 C/R + 1 products of [R, R]. Where C/R is large it is
// cheaper to follow x x^T, which is [R, R] too.
func newtonSchulz(x *torch.Tensor) *torch.Tensor {
	if x.Shape()[2] > 2*x.Shape()[1] {
		return newtonSchulzOfGram(x)
	}
	for range muonSteps {
		g := x.Matmul(x.Transpose(1, 2))
		x = x.AddProducts(muonA, g.AddProducts(muonB, g, g, muonC), x, 1)
	}
	return x
}

// newtonSchulzOfGram is newtonSchulz with 2 C/R + 17 products in all instead of 10 C/R + 5. A step is x = p x with p = a + b g + c g^2 and
// g = x x^T, so the next g is p g p, and the result is the product of all p times the first x. That product is y + r with a number y,
// which needs no identity matrix. y is 485 at the end, so the result is a small difference of large numbers: its elements are off by up to
// 1e-3 where singular values are of many sizes, and by 5e-5 otherwise. PyTorch makes the steps in bfloat16, which is off by 1e-2.
func newtonSchulzOfGram(x *torch.Tensor) *torch.Tensor {
	g, y := x.Matmul(x.Transpose(1, 2)), 1.
	var r *torch.Tensor
	for k := range muonSteps {
		q := g.AddProducts(muonB, g, g, muonC) // p = a + q
		if r == nil {
			r = q
		} else {
			r = r.AddProducts(muonA, q, r, 1).Add(q.Scale(y))
		}
		y *= muonA
		if k+1 < muonSteps {
			left := g.AddProducts(muonA, q, g, 1)
			g = left.AddProducts(muonA, left, q, 1)
		}
	}
	return x.AddProducts(y, r, x, 1)
}

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

// stepMatrix makes Muon's step of parameter i with learning rate lr. scale multiplies the gradient. The average is the first
// moment; the second one stays zero.
func (o *AdamW) stepMatrix(i int, lr, scale float64) {
	leaf, average := o.leaves[i], o.moments.Mean[i]
	torch.NewScope().Unrecorded(func(s *torch.Scope) {
		g := leaf.Gradient(s)
		if g == nil {
			return
		}
		g = g.Scale(scale)
		average.LerpInPlace(g, 1-muonMomentum)
		ahead := average.In(s).Scale(muonMomentum).Add(g.Scale(1 - muonMomentum)) // Nesterov's momentum
		leaf.AddInPlace(leaf.In(s).Scale(-lr * o.decay[i]))
		leaf.AddInPlace(muonDirection(ahead, o.params[i]).Scale(-lr * muonSize))
	})
}

// muonDirection is the update of a parameter [M R, C], of M maps, for gradient g: each map on its own, with elements whose root mean
// square is about 1.
func muonDirection(g *torch.Tensor, p *nn.Param) *torch.Tensor {
	rows, cols := p.Shape[0]/p.Maps(), p.Shape[1]
	size := math.Sqrt(float64(max(rows, cols)))
	return orthogonalized(g.Reshape(p.Maps(), rows, cols)).Reshape(p.Shape...).Scale(size)
}

// orthogonalized is u v^T for each matrix u s v^T of x [M, R, C], about: five Newton-Schulz steps with Jordan's coefficients, which
// raise small singular values fast and leave all between 0.7 and 1.2, unless they were less than a thousandth of the matrix's norm.
func orthogonalized(x *torch.Tensor) *torch.Tensor {
	m, rows, cols := x.Shape()[0], x.Shape()[1], x.Shape()[2]
	x = x.Reshape(m, rows*cols).Unit().Reshape(m, rows, cols)
	if rows > cols {
		x = x.Transpose(1, 2)
	}
	for range 5 {
		a := x.Matmul(x.Transpose(1, 2))
		x = x.AddProducts(3.4445, a.AddProducts(-4.7750, a, a, 2.0315), x, 1)
	}
	if rows > cols {
		x = x.Transpose(1, 2)
	}
	return x
}

package contrastive

import "clipgo/internal/torch"

// A loss over B pairs is computed from a matrix [B, B] of logits. Up to wholeUpTo pairs the whole matrix is held and autograd
// differentiates it. Beyond, the loss and its gradients are computed in closed form, some rows at a time: the memory is that of the
// features, of their gradients and of a few strips.
const (
	wholeUpTo   = 4096
	stripValues = 4 << 20 // of a strip of the matrix: 16 MB in float32
)

// LossBytes is about how much memory the loss of so many pairs takes beside the towers, for features of a width, in float32.
func LossBytes(pairs, width int) int64 {
	features := 4 * int64(4*pairs*width) // and their gradients
	if pairs > wholeUpTo {
		return features + 6*4*stripValues
	}
	return features + 6*4*int64(pairs)*int64(pairs)
}

// LossGrads is a loss with its gradients.
type LossGrads struct {
	Loss        *torch.Tensor // []
	Image, Text *torch.Tensor // [B, E], with respect to the features
	Scale, Bias *torch.Tensor // []; Bias is nil where the loss was given none
	Pairs       *torch.Tensor // [B], the loss of each pair; nil if it wasn't asked for
}

// BackwardLoss computes weight * loss and its gradients with respect to in.Image and in.Text, which are leaves. The gradients of
// logit_scale and logit_bias are accumulated in the parameters, as Backward does. The result is the loss without the weight and
// the weighted gradients of the features; its Scale and Bias are not to be used.
func (o *Objective) BackwardLoss(in LossInput, weight float64) LossGrads {
	if in.pairs() <= wholeUpTo {
		loss, s := o.Loss.Forward(in), in.Image.Scope()
		loss.Scale(weight).Backward()
		return LossGrads{Loss: loss.Detach(), Image: in.Image.Gradient(s), Text: in.Text.Gradient(s)}
	}
	out := o.Loss.Tiles(in)
	out.weigh(in, weight)
	return out
}

// weigh multiplies the gradients of the features by a weight, and accumulates those of the scale and the bias in the parameters.
func (g LossGrads) weigh(in LossInput, weight float64) {
	for _, features := range []*torch.Tensor{g.Image, g.Text} {
		features.MulInPlace(number(features, weight))
	}
	if in.Scale.Recorded() { // not if it is locked
		in.Scale.BackwardFrom(g.Scale.Scale(weight))
	}
	if in.Bias != nil && in.Bias.Recorded() {
		in.Bias.BackwardFrom(g.Bias.Scale(weight))
	}
}

func (c LossInput) pairs() int { return c.Image.Shape()[0] }

// number is a scalar [] on the device and of the type of x.
func number(x *torch.Tensor, v float64) *torch.Tensor {
	return torch.From(x.Scope(), []float64{v}).To(x.DType()).OnDevice(x.Device())
}

// tiling computes a loss in strips of rows of its matrix and accumulates the gradients.
type tiling struct {
	LossInput                     // its tensors detached; Group is nil where all captions differ
	rows            int           // of a strip
	scope           *torch.Scope  // of the accumulated tensors
	toImage, toText *torch.Tensor // [B, E], the gradients to the factors of the products v.t
}

// tiled starts without gradients. Strips have so many rows; 0 is as many as make stripValues.
func (c LossInput) tiled(rows int) *tiling {
	t := &tiling{LossInput: c, rows: rows, scope: c.Image.Scope()}
	if rows == 0 {
		t.rows = max(1, stripValues/c.pairs())
	}
	t.Image, t.Text, t.Scale = c.Image.Detach(), c.Text.Detach(), c.Scale.Detach()
	if c.Bias != nil {
		t.Bias = c.Bias.Detach()
	}
	if !c.repeats() {
		t.Group = nil
	}
	return t
}

// each runs f for all strips, n rows from one on, in a scope of its own.
func (t *tiling) each(f func(s *torch.Scope, from, n int)) { t.span(0, t.pairs(), f) }

// span is each for the strips of so many rows from one on.
func (t *tiling) span(from, rows int, f func(s *torch.Scope, from, n int)) {
	for end := from + rows; from < end; from += t.rows {
		t.scope.Within(func(s *torch.Scope) { f(s, from, min(t.rows, end-from)) })
	}
}

// zeros allocates what the strips accumulate into. It is called before the first strip: a small tensor allocated within a strip
// would split the block of memory that the next strip could use again, and each strip would take memory of its own.
func (t *tiling) zeros(dtype torch.DType, shape ...int) *torch.Tensor {
	return torch.Zeros(t.scope, dtype, t.Image.Device(), shape...)
}

// total is a sum [], float64, that starts at 0.
func (t *tiling) total() *torch.Tensor { return t.zeros(torch.Float64) }

// addSum adds x's sum to a total.
func addSum(total, x *torch.Tensor) { total.AddInPlace(x.Sum().To(torch.Float64)) }

// logits are those of a strip, [n, B], without the bias.
func (t *tiling) logits(s *torch.Scope, from, n int) *torch.Tensor {
	image := t.Image.In(s).Narrow(0, from, n).Mul(t.Scale) // scale first, as open_clip
	return image.Matmul(t.Text.In(s).Transpose(0, 1))
}

// add accumulates the gradient [n, B] with respect to the logits of a strip.
func (t *tiling) add(from int, gradient *torch.Tensor) {
	s, n := gradient.Scope(), gradient.Shape()[0]
	if t.toImage == nil {
		t.toImage, t.toText = t.zeros(t.Image.DType(), t.Image.Shape()...), t.zeros(t.Text.DType(), t.Text.Shape()...)
	}
	t.toImage.In(s).Narrow(0, from, n).AddProductInPlace(gradient, t.Text)
	t.toText.AddProductInPlace(gradient.Transpose(0, 1), t.Image.In(s).Narrow(0, from, n))
}

// lossGrads turns the gradients of the products v.t into those of the features and of the scale s: the logits are s v.t.
func (t *tiling) lossGrads(loss *torch.Tensor) LossGrads {
	out := LossGrads{Loss: loss, Image: t.toImage, Text: t.toText}
	toScale := t.total()
	t.each(func(s *torch.Scope, from, n int) {
		addSum(toScale, t.Image.In(s).Narrow(0, from, n).Mul(t.toImage.In(s).Narrow(0, from, n)))
	})
	out.Scale = toScale.To(t.Scale.DType())
	for _, x := range []*torch.Tensor{out.Image, out.Text} {
		x.MulInPlace(t.Scale)
	}
	return out
}

// groups is Group as a tensor [B], int64; without Group each row is a group of its own.
func (t *tiling) groups() *torch.Tensor {
	if t.Group == nil {
		return torch.Arange(t.scope, t.pairs(), t.Image.Device())
	}
	return torch.From(t.scope, torch.Int64s(t.Group), len(t.Group)).OnDevice(t.Image.Device())
}

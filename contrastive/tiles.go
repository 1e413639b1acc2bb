package contrastive

import "clipgo/internal/torch"

// A loss over B pairs is made from a matrix [B, B]. Up to wholeUpTo pairs that matrix is held, and autograd goes back through
// it. Beyond, the loss and its gradients are computed some rows at a time, in closed form: the memory is that of the features,
// their gradients, and a few strips.
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

// Slopes are a loss with its gradients.
type Slopes struct {
	Loss        *torch.Tensor // []
	Image, Text *torch.Tensor // [B, E]
	Scale, Bias *torch.Tensor // []; Bias is nil where the loss was given none
}

// Descend makes a weighted loss's way back to the features, which are leaves. It returns the loss, without the weight, and
// its gradients to them; those of logit_scale and logit_bias it leaves with the parameters.
func (o *Objective) Descend(in Contrast, weight float64) Slopes {
	if in.pairs() <= wholeUpTo {
		loss, s := o.Loss.Forward(in), in.Image.Scope()
		loss.Scale(weight).Backward()
		return Slopes{Loss: loss.Detach(), Image: in.Image.Gradient(s), Text: in.Text.Gradient(s)}
	}
	out := o.Loss.Tiles(in)
	for _, g := range []*torch.Tensor{out.Image, out.Text} {
		g.MulInPlace(number(g, weight))
	}
	if in.Scale.Recorded() { // it isn't where it is locked
		in.Scale.BackwardFrom(out.Scale.Scale(weight))
	}
	if in.Bias != nil && in.Bias.Recorded() {
		in.Bias.BackwardFrom(out.Bias.Scale(weight))
	}
	return out
}

func (c Contrast) pairs() int { return c.Image.Shape()[0] }

// number is a value [] where x is, of x's type.
func number(x *torch.Tensor, v float64) *torch.Tensor {
	return torch.From(x.Scope(), []float64{v}).To(x.DType()).OnDevice(x.Device())
}

// tiling goes through a loss's matrix some rows at a time, and gathers gradients.
type tiling struct {
	Contrast                      // its tensors as constants; Group is nil where all captions differ
	rows            int           // of a strip
	scope           *torch.Scope  // of what is gathered
	toImage, toText *torch.Tensor // [B, E], the gradients to the factors of the products v.t
}

// tiled begins with no gradients. Strips have so many rows; 0: as many as make stripValues.
func (c Contrast) tiled(rows int) *tiling {
	t := &tiling{Contrast: c, rows: rows, scope: c.Image.Scope()}
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
func (t *tiling) each(f func(s *torch.Scope, from, n int)) {
	b := t.pairs()
	for from := 0; from < b; from += t.rows {
		t.scope.Within(func(s *torch.Scope) { f(s, from, min(t.rows, b-from)) })
	}
}

// zeros are what strips write to, made before them: a small tensor that a strip leaves behind would lie in memory that the
// next strip needs whole, and one strip after the other would take its own.
func (t *tiling) zeros(dtype torch.DType, shape ...int) *torch.Tensor {
	return torch.Zeros(t.scope, dtype, t.Image.Device(), shape...)
}

// total is a sum [] to add to.
func (t *tiling) total() *torch.Tensor { return t.zeros(torch.Float64) }

// addSum adds x's sum to a total.
func addSum(total, x *torch.Tensor) { total.AddInPlace(x.Sum().To(torch.Float64)) }

// logits are those of a strip, [n, B], without the bias.
func (t *tiling) logits(s *torch.Scope, from, n int) *torch.Tensor {
	image := t.Image.In(s).Narrow(0, from, n).Mul(t.Scale) // scale first, as open_clip
	return image.Matmul(t.Text.In(s).Transpose(0, 1))
}

// add takes the gradient [n, B] to the logits of a strip.
func (t *tiling) add(from int, gradient *torch.Tensor) {
	s, n := gradient.Scope(), gradient.Shape()[0]
	if t.toImage == nil {
		t.toImage, t.toText = t.zeros(t.Image.DType(), t.Image.Shape()...), t.zeros(t.Text.DType(), t.Text.Shape()...)
	}
	t.toImage.In(s).Narrow(0, from, n).AddProductInPlace(gradient, t.Text)
	t.toText.AddProductInPlace(gradient.Transpose(0, 1), t.Image.In(s).Narrow(0, from, n))
}

// slopes turns the gradients to the products v.t into those to the features and the scale: the logits are s v.t.
func (t *tiling) slopes(loss *torch.Tensor) Slopes {
	out := Slopes{Loss: loss, Image: t.toImage, Text: t.toText}
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

// groups are numbers of the captions, [B], int64: equal where the captions are.
func (t *tiling) groups() *torch.Tensor {
	if t.Group == nil {
		return torch.Arange(t.scope, t.pairs(), t.Image.Device())
	}
	return torch.From(t.scope, widened(t.Group), len(t.Group)).OnDevice(t.Image.Device())
}

func widened(v []int32) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

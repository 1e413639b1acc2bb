package nn

import (
	"fmt"

	"clipgo/internal/torch"
)

// Linear is x weight^T + bias.
type Linear struct {
	weight, bias *Param
}

// NewLinear declares weight [out, in] and bias [out] at a path.
func NewLinear(p Path, in, out int, weight, bias Init) *Linear {
	return &Linear{weight: p.Declare("weight", weight, out, in), bias: p.Declare("bias", bias, out)}
}

// Forward maps [..., in] to [..., out].
func (l *Linear) Forward(x *torch.Tensor) *torch.Tensor {
	return linear(x, l.weight, l.bias)
}

// LayerNorm normalizes the last dimension. It computes in float32 whatever the type of its input.
type LayerNorm struct {
	weight, bias *Param
	eps          float64
}

// DefaultEps is PyTorch's default eps of LayerNorm, which CLIP uses.
const DefaultEps = 1e-5

// NewLayerNorm declares weight 1 and bias 0 at a path.
func NewLayerNorm(p Path, width int, eps float64) *LayerNorm {
	return &LayerNorm{weight: p.Declare("weight", Constant(1), width), bias: p.Declare("bias", Constant(0), width), eps: eps}
}

// Forward returns a tensor of x's shape and type.
func (l *LayerNorm) Forward(x *torch.Tensor) *torch.Tensor {
	d := x.DType()
	if d != torch.BFloat16 {
		return x.LayerNorm(l.weight.For(x), l.bias.For(x), l.eps)
	}
	return x.To(torch.Float32).LayerNorm(l.weight.In(x.Scope()), l.bias.In(x.Scope()), l.eps).To(d)
}

// Activation is the nonlinearity of an MLP.
type Activation string

// The activations that open_clip's configs name.
const (
	GELU      Activation = "gelu"
	GELUTanh  Activation = "gelu_tanh"
	QuickGELU Activation = "quick_gelu"
)

// Forward applies the activation to each element.
func (a Activation) Forward(x *torch.Tensor) *torch.Tensor {
	switch a {
	case GELU:
		return x.GELU()
	case GELUTanh:
		return x.GELUTanh()
	case QuickGELU:
		return x.QuickGELU()
	default:
		panic(fmt.Sprintf("nn: unknown activation %q", string(a)))
	}
}

// MLP is the feed-forward part of a block.
type MLP struct {
	up, down   *Linear
	activation Activation
}

func newMLP(p Path, s Shape, n partNames) *MLP {
	return &MLP{
		up:         NewLinear(p.At(n.up), s.Width, s.MLPWidth, s.Start.Up, s.Start.UpBias),
		down:       NewLinear(p.At(n.down), s.MLPWidth, s.Width, s.Start.Down, s.Start.DownBias),
		activation: s.Activation,
	}
}

// Forward maps [..., width] to [..., width].
func (m *MLP) Forward(x *torch.Tensor) *torch.Tensor {
	return m.down.Forward(m.hidden(x))
}

// LayerScale multiplies a residual branch by a learned vector; without one it returns its input.
type LayerScale struct{ gamma *Param }

// NewLayerScale declares gamma [D] at a path, with the initial value start; it declares nothing if start is nil.
func NewLayerScale(p Path, width int, start *float64) *LayerScale {
	if start == nil {
		return &LayerScale{}
	}
	return &LayerScale{gamma: p.Declare("gamma", Constant(*start), width)}
}

// Forward returns gamma * x, of x's shape.
func (l *LayerScale) Forward(x *torch.Tensor) *torch.Tensor {
	if l.gamma == nil {
		return x
	}
	return x.Mul(l.gamma.For(x))
}

package nn

import "clipgo/internal/torch"

// For inference a matrix of a block may have an 8-bit form, which float32 passes read instead of the master. The master may then have
// no memory at all.

// Quantizable reports whether the parameter is a matrix of a transformer block: its product takes most of the time, and its input comes
// from a norm, an attention or an activation.
func (p *Param) Quantizable() bool { return p.maps > 0 }

// SetInt8 gives the parameter an 8-bit form, or with nil takes it away. The form is the caller's to free.
func (p *Param) SetInt8(q *torch.Int8) { p.int8 = q }

// Int8 is the parameter's 8-bit form; nil if it has none.
func (p *Param) Int8() *torch.Int8 { return p.int8 }

// Watch has each product of the parameter computed in float32, and gives f that result y and the difference that the 8-bit form makes.
// With nil nobody watches. Lanes must not be running.
func (p *Param) Watch(f func(y, difference *torch.Tensor)) { p.watch = f }

// linear is x weight^T + bias.
func linear(x *torch.Tensor, weight, bias *Param) *torch.Tensor {
	return linearThen(x, weight, bias, torch.Identity, nil)
}

// linearPart is n columns of linear, from one on. An 8-bit form computes them all.
func linearPart(x *torch.Tensor, weight, bias *Param, from, n int) *torch.Tensor {
	if weight.int8 != nil {
		return linear(x, weight, bias).Narrow(-1, from, n)
	}
	return x.Linear(weight.For(x).Narrow(0, from, n), bias.For(x).Narrow(0, from, n))
}

// linearThen is f(x weight^T + bias) + residual in the 8-bit form, and x weight^T + bias without one: reads8Bits tells which it will be.
func linearThen(x *torch.Tensor, weight, bias *Param, f torch.Elementwise, residual *torch.Tensor) *torch.Tensor {
	if !weight.reads8Bits(x) {
		y := x.Linear(weight.For(x), bias.For(x))
		if weight.watch != nil {
			weight.watch(y, x.LinearInt8(weight.int8, bias.For(x), torch.Identity, nil).Sub(y))
		}
		return y
	}
	return x.LinearInt8(weight.int8, bias.For(x), f, residual)
}

// reads8Bits reports whether a product with x reads the 8-bit form.
func (p *Param) reads8Bits(x *torch.Tensor) bool {
	return p.int8 != nil && p.watch == nil && x.DType() == torch.Float32
}

// elementwise is the activation as a function of LinearInt8.
func (a Activation) elementwise() torch.Elementwise {
	switch a {
	case GELU:
		return torch.ApplyGELU
	case GELUTanh:
		return torch.ApplyGELUTanh
	default:
		return torch.ApplyQuickGELU
	}
}

// forwardAdd is residual + scale(layer(x)).
func (l *Linear) forwardAdd(x, residual *torch.Tensor, scale *LayerScale) *torch.Tensor {
	if scale.gamma == nil && l.weight.reads8Bits(x) {
		return linearThen(x, l.weight, l.bias, torch.Identity, residual)
	}
	return residual.Add(scale.Forward(l.Forward(x)))
}

// hidden is the activation of the first layer.
func (m *MLP) hidden(x *torch.Tensor) *torch.Tensor {
	if m.up.weight.reads8Bits(x) {
		return linearThen(x, m.up.weight, m.up.bias, m.activation.elementwise(), nil)
	}
	return m.activation.Forward(m.up.Forward(x))
}

package torch

/*
typedef void *cg_tensor;
cg_tensor cg_row_mean(cg_tensor);
cg_tensor cg_row_unit(cg_tensor);
*/
import "C"

import "github.com/sugarme/gotch/libtch"

// Add is t + u, with the shapes broadcast.
func (t *Tensor) Add(u *Tensor) *Tensor {
	return call("Add", func(o *libtch.Ctensor) { libtch.AtgAdd(o, t.c, u.c) }, t, u)
}

// Sub is t - u, with the shapes broadcast.
func (t *Tensor) Sub(u *Tensor) *Tensor {
	return call("Sub", func(o *libtch.Ctensor) { libtch.AtgSub(o, t.c, u.c) }, t, u)
}

// Mul is the product of elements, with the shapes broadcast.
func (t *Tensor) Mul(u *Tensor) *Tensor {
	return call("Mul", func(o *libtch.Ctensor) { libtch.AtgMul(o, t.c, u.c) }, t, u)
}

// Div is the quotient of elements, with the shapes broadcast.
func (t *Tensor) Div(u *Tensor) *Tensor {
	return call("Div", func(o *libtch.Ctensor) { libtch.AtgDiv(o, t.c, u.c) }, t, u)
}

// Scale is every element times v.
func (t *Tensor) Scale(v float64) *Tensor {
	return call("Scale", func(o *libtch.Ctensor) {
		scalar(v, func(s libtch.Cscalar) { libtch.AtgMulScalar(o, t.c, s) })
	}, t)
}

// AddScalar is every element plus v.
func (t *Tensor) AddScalar(v float64) *Tensor {
	return call("AddScalar", func(o *libtch.Ctensor) {
		scalar(v, func(s libtch.Cscalar) { libtch.AtgAddScalar(o, t.c, s) })
	}, t)
}

// ClampMin is every element, but at least v.
func (t *Tensor) ClampMin(v float64) *Tensor {
	return call("ClampMin", func(o *libtch.Ctensor) {
		scalar(v, func(s libtch.Cscalar) { libtch.AtgClampMin(o, t.c, s) })
	}, t)
}

// Clamp is every element, limited to [low, high].
func (t *Tensor) Clamp(low, high float64) *Tensor {
	return call("Clamp", func(o *libtch.Ctensor) {
		scalar(low, func(l libtch.Cscalar) {
			scalar(high, func(h libtch.Cscalar) { libtch.AtgClamp(o, t.c, l, h) })
		})
	}, t)
}

// Minimum is the smaller of two elements, with the shapes broadcast.
func (t *Tensor) Minimum(u *Tensor) *Tensor {
	return call("Minimum", func(o *libtch.Ctensor) { libtch.AtgMinimum(o, t.c, u.c) }, t, u)
}

// Maximum is the larger of two elements, with the shapes broadcast.
func (t *Tensor) Maximum(u *Tensor) *Tensor {
	return call("Maximum", func(o *libtch.Ctensor) { libtch.AtgMaximum(o, t.c, u.c) }, t, u)
}

// Argmax is the index, int64, of the largest element along a dimension, which goes away.
func (t *Tensor) Argmax(dim int) *Tensor {
	return call("Argmax", func(o *libtch.Ctensor) { libtch.AtgArgmax(o, t.c, int64(dim), 0, 0) }, t)
}

// Exp is e to the power of each element.
func (t *Tensor) Exp() *Tensor {
	return call("Exp", func(o *libtch.Ctensor) { libtch.AtgExp(o, t.c) }, t)
}

// Sigmoid is 1 / (1 + exp(-x)) of each element.
func (t *Tensor) Sigmoid() *Tensor {
	if rowwise(t) {
		return t.rowElementwise("Sigmoid", 2)
	}
	return call("Sigmoid", func(o *libtch.Ctensor) { libtch.AtgSigmoid(o, t.c) }, t)
}

// LogSigmoid is log(1 / (1 + exp(-x))) of each element, computed stably.
func (t *Tensor) LogSigmoid() *Tensor {
	return call("LogSigmoid", func(o *libtch.Ctensor) { libtch.AtgLogSigmoid(o, t.c) }, t)
}

// Sum is the sum of all elements.
func (t *Tensor) Sum() *Tensor {
	return call("Sum", func(o *libtch.Ctensor) { libtch.AtgSum(o, t.c, int32(t.DType())) }, t)
}

// SumAlong is the sum along a dimension, whose size becomes 1.
func (t *Tensor) SumAlong(dim int) *Tensor {
	return call("SumAlong", func(o *libtch.Ctensor) {
		libtch.AtgSumDimIntlist(o, t.c, []int64{int64(dim)}, 1, 1, int32(t.DType()))
	}, t)
}

// LogSumExp is log(sum exp(x)) along a dimension, whose size becomes 1, computed stably.
func (t *Tensor) LogSumExp(dim int) *Tensor {
	return call("LogSumExp", func(o *libtch.Ctensor) { libtch.AtgLogsumexp(o, t.c, []int64{int64(dim)}, 1, 1) }, t)
}

// Mean is the mean of all elements.
func (t *Tensor) Mean() *Tensor {
	return call("Mean", func(o *libtch.Ctensor) { libtch.AtgMean(o, t.c, int32(t.DType())) }, t)
}

// MeanAlong is the mean along one dimension, which goes away.
func (t *Tensor) MeanAlong(dim int) *Tensor {
	if dim == 1 && len(t.Shape()) == 3 && rowwise(t) {
		return call("MeanAlong", func(o *libtch.Ctensor) { *o = libtch.Ctensor(C.cg_row_mean(C.cg_tensor(t.c))) }, t)
	}
	return call("MeanAlong", func(o *libtch.Ctensor) {
		libtch.AtgMeanDim(o, t.c, []int64{int64(dim)}, 1, 0, int32(t.DType()))
	}, t)
}

// Unit divides each row (along the last dimension) by its L2 norm, or by 1e-12 where that is greater.
func (t *Tensor) Unit() *Tensor {
	if t.DType() == Float32 && rowwise(t) {
		return call("Unit", func(o *libtch.Ctensor) { *o = libtch.Ctensor(C.cg_row_unit(C.cg_tensor(t.c))) }, t)
	}
	norm := call("Unit", func(o *libtch.Ctensor) {
		scalar(2, func(s libtch.Cscalar) { libtch.AtgNormScalaroptDim(o, t.c, s, []int64{-1}, 1, 1) })
	}, t)
	return t.Div(norm.ClampMin(1e-12))
}

// Matmul is the matrix product over the last two dimensions, with the others broadcast.
func (t *Tensor) Matmul(u *Tensor) *Tensor {
	if rowwise(t, u) && RowsExact(t.DType()) && len(u.Shape()) == 2 {
		return rowProduct(t, u, nil)
	}
	return call("Matmul", func(o *libtch.Ctensor) { libtch.AtgMatmul(o, t.c, u.c) }, t, u)
}

// AddProducts is beta t + alpha u v for batches of matrices t [N, R, C], u [N, R, K] and v [N, K, C] (PyTorch's baddbmm).
func (t *Tensor) AddProducts(beta float64, u, v *Tensor, alpha float64) *Tensor {
	return call("AddProducts", func(o *libtch.Ctensor) {
		scalar(beta, func(b libtch.Cscalar) {
			scalar(alpha, func(a libtch.Cscalar) { libtch.AtgBaddbmm(o, t.c, u.c, v.c, b, a) })
		})
	}, t, u, v)
}

// Softmax is exp(x) / sum exp(x) along a dimension.
func (t *Tensor) Softmax(dim int) *Tensor {
	return call("Softmax", func(o *libtch.Ctensor) { libtch.AtgSoftmax(o, t.c, int64(dim), int32(t.DType())) }, t)
}

// LogSoftmax is log(softmax(x)) along a dimension, computed stably.
func (t *Tensor) LogSoftmax(dim int) *Tensor {
	return call("LogSoftmax", func(o *libtch.Ctensor) { libtch.AtgLogSoftmax(o, t.c, int64(dim), int32(t.DType())) }, t)
}

package torch

import "github.com/sugarme/gotch/libtch"

// To converts the elements to a type; the same type gives a second handle.
func (t *Tensor) To(dtype DType) *Tensor {
	return call("To", func(o *libtch.Ctensor) { libtch.AtgTotype(o, t.c, int32(dtype)) }, t)
}

// Reshape gives the same elements another shape; one size may be -1, which is inferred.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	return call("Reshape", func(o *libtch.Ctensor) { libtch.AtgReshape(o, t.c, Int64s(shape), len(shape)) }, t)
}

// Permute reorders the dimensions.
func (t *Tensor) Permute(dims ...int) *Tensor {
	return call("Permute", func(o *libtch.Ctensor) { libtch.AtgPermute(o, t.c, Int64s(dims), len(dims)) }, t)
}

// Transpose swaps two dimensions.
func (t *Tensor) Transpose(a, b int) *Tensor {
	return call("Transpose", func(o *libtch.Ctensor) { libtch.AtgTranspose(o, t.c, int64(a), int64(b)) }, t)
}

// Select is the slice at one index of a dimension, which is removed.
func (t *Tensor) Select(dim, index int) *Tensor {
	return call("Select", func(o *libtch.Ctensor) { libtch.AtgSelect(o, t.c, int64(dim), int64(index)) }, t)
}

// Narrow is the slice [start, start+length) of a dimension, without a copy.
func (t *Tensor) Narrow(dim, start, length int) *Tensor {
	return call("Narrow", func(o *libtch.Ctensor) { libtch.AtgNarrow(o, t.c, int64(dim), int64(start), int64(length)) }, t)
}

// Expand repeats dimensions of size 1, without a copy.
func (t *Tensor) Expand(shape ...int) *Tensor {
	return call("Expand", func(o *libtch.Ctensor) { libtch.AtgExpand(o, t.c, Int64s(shape), len(shape), 0) }, t)
}

// Contiguous is the same elements in row-major order in memory.
func (t *Tensor) Contiguous() *Tensor {
	return call("Contiguous", func(o *libtch.Ctensor) { libtch.AtgContiguous(o, t.c) }, t)
}

// Cat joins tensors along a dimension.
func Cat(dim int, parts ...*Tensor) *Tensor {
	return call("Cat", func(o *libtch.Ctensor) {
		handles := make([]libtch.Ctensor, len(parts))
		for i, p := range parts {
			handles[i] = p.c
		}
		libtch.AtgCat(o, handles, len(handles), int64(dim))
	}, parts...)
}

// Rows picks rows of dimension 0 by index, an int64 vector.
func (t *Tensor) Rows(index *Tensor) *Tensor {
	return call("Rows", func(o *libtch.Ctensor) { libtch.AtgIndexSelect(o, t.c, 0, index.c) }, t, index)
}

// AddRows returns t with row i of u added to row index[i] of t (PyTorch's index_add); index is an int64 vector.
func (t *Tensor) AddRows(index, u *Tensor) *Tensor {
	return call("AddRows", func(o *libtch.Ctensor) { libtch.AtgIndexAdd(o, t.c, 0, index.c, u.c) }, t, index, u)
}

// Equal is 1 where elements are equal and 0 elsewhere, as dtype, with the shapes broadcast.
func (t *Tensor) Equal(u *Tensor, dtype DType) *Tensor {
	return call("Equal", func(o *libtch.Ctensor) { libtch.AtgEqTensor(o, t.c, u.c) }, t, u).To(dtype)
}

// Gather picks elements along a dimension (PyTorch's gather); index is int64 and has the result's shape.
func (t *Tensor) Gather(dim int, index *Tensor) *Tensor {
	return call("Gather", func(o *libtch.Ctensor) { libtch.AtgGather(o, t.c, int64(dim), index.c, 0) }, t, index)
}

// Arange is 0, 1, ... n-1 as int64, on a device.
func Arange(s *Scope, n int, d Device) *Tensor {
	return s.made("Arange", func(o *libtch.Ctensor) {
		scalar(float64(n), func(end libtch.Cscalar) { libtch.AtgArange(o, end, int32(Int64), d.number()) })
	}).on(d)
}

// Zeros is a tensor of zeros, on a device.
func Zeros(s *Scope, dtype DType, d Device, shape ...int) *Tensor {
	return s.made("Zeros", func(o *libtch.Ctensor) {
		libtch.AtgZeros(o, append(Int64s(shape), 0), len(shape), int32(dtype), d.number())
	}).on(d)
}

package torch

/*
#include <stdint.h>
#include <stdlib.h>
typedef void *cg_tensor;
typedef struct {
	int64_t n, k;
	const int8_t *packed;
	const float *scales;
	const int32_t *sums;
	const float *factors;
} cg_int8;
void cg_int8_pack(cg_tensor, const cg_int8 *);
cg_tensor cg_int8_linear(cg_tensor, const cg_int8 *, cg_tensor, int, cg_tensor);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// Int8 is a matrix [out, in] in 8 bits, quantized by output, for LinearInt8. It is outside of all scopes: its owner calls Free.
type Int8 struct {
	c    *C.cg_int8
	own  unsafe.Pointer // the arrays, where they are C's
	data Int8Arrays
}

// Int8Arrays is the memory of an Int8, in the layout of internal/torch/native/int8.h: the packed weights, and of each output a float32
// scale and an int32 sum.
type Int8Arrays struct{ Packed, Scales, Sums []byte }

// Int8Sizes are the sizes in bytes of the arrays of a matrix [out, in].
func Int8Sizes(out, in int) (packed, scales, sums int) {
	wide := (out + 31) / 32 * 32
	return wide * ((in + 3) / 4 * 4), 4 * wide, 4 * wide
}

// QuantizeInt8 makes the 8-bit form of a matrix [out, in] in memory of its own.
func QuantizeInt8(w *Tensor) *Int8 {
	w.check("QuantizeInt8")
	shape := w.Shape()
	packed, scales, sums := Int8Sizes(shape[0], shape[1])
	own := C.aligned_alloc(64, C.size_t(packed+scales+sums)) // a multiple of 64: wide is one of 32
	if own == nil {
		panic(&Error{Op: "QuantizeInt8", Text: fmt.Sprintf("no memory for %d bytes", packed+scales+sums)})
	}
	all := unsafe.Slice((*byte)(own), packed+scales+sums)
	q := newInt8(shape[0], shape[1], Int8Arrays{all[:packed], all[packed : packed+scales], all[packed+scales:]})
	q.own = own
	C.cg_int8_pack(C.cg_tensor(w.c), q.c)
	failed("QuantizeInt8", []*Tensor{w})
	return q
}

// Int8Of is a matrix [out, in] over arrays that are not Go's memory (a mapped file) and outlive it.
func Int8Of(out, in int, a Int8Arrays) (*Int8, error) {
	packed, scales, sums := Int8Sizes(out, in)
	if len(a.Packed) != packed || len(a.Scales) != scales || len(a.Sums) != sums {
		return nil, fmt.Errorf("%d, %d and %d bytes are not a matrix [%d, %d] in 8 bits", len(a.Packed), len(a.Scales), len(a.Sums),
			out, in)
	}
	return newInt8(out, in, a), nil
}

func newInt8(out, in int, a Int8Arrays) *Int8 {
	c := (*C.cg_int8)(C.calloc(1, C.size_t(unsafe.Sizeof(C.cg_int8{}))))
	c.n, c.k = C.int64_t(out), C.int64_t(in)
	c.packed = (*C.int8_t)(unsafe.Pointer(unsafe.SliceData(a.Packed)))
	c.scales = (*C.float)(unsafe.Pointer(unsafe.SliceData(a.Scales)))
	c.sums = (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(a.Sums)))
	return &Int8{c: c, data: a}
}

// Arrays is the memory of the matrix, valid until Free.
func (q *Int8) Arrays() Int8Arrays { return q.data }

// Free gives the memory back that the matrix owns.
func (q *Int8) Free() {
	C.free(q.own)
	C.free(unsafe.Pointer(q.c))
	*q = Int8{}
}

// Elementwise names a function that LinearInt8 applies to its results.
type Elementwise int

// The functions of LinearInt8.
const (
	Identity Elementwise = iota
	ApplyGELU
	ApplyGELUTanh
	ApplyQuickGELU
)

// LinearInt8 is f(t weight^T + bias) + residual, float32 on the CPU and without gradients: t [..., in], bias [out] or nil, residual
// [..., out] or nil. Each row of t is quantized to 8 bits on its own and the products are exact, so a row of the result has the same
// bits in any batch and on any number of threads. A row of t with a number that is not finite gives NaN.
func (t *Tensor) LinearInt8(w *Int8, bias *Tensor, f Elementwise, residual *Tensor) *Tensor {
	return call("LinearInt8", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_int8_linear(C.cg_tensor(t.c), w.c, C.cg_tensor(handle(bias)), C.int(f), C.cg_tensor(handle(residual))))
	}, t, bias, residual)
}

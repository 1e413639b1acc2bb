package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_low_precision_copy(cg_tensor, cg_tensor);
cg_tensor cg_copy_as(cg_tensor, int);
void cg_copy_in_place(cg_tensor, cg_tensor);
int64_t cg_changes(cg_tensor);
*/
import "C"

import "github.com/sugarme/gotch/libtch"

// LowPrecisionCopy returns an operand with the value of narrow (bfloat16), a copy of the leaf t (float32). Gradients of the operand
// accumulate into t. A single gradient keeps narrow's type until Gradient, GradientNorm or AdamW reads it; several are summed in
// t's type.
//
// Every other operation that gives t a gradient must use such an operand as well.
func (t *Tensor) LowPrecisionCopy(narrow *Tensor) *Tensor {
	return call("LowPrecisionCopy", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_low_precision_copy(C.cg_tensor(t.c), C.cg_tensor(narrow.c)))
	}, t, narrow)
}

// CopyAs returns a copy of t in another type, outside the graph. It belongs to t's scope, even if that is sealed.
func (t *Tensor) CopyAs(d DType) *Tensor {
	t.check("CopyAs")
	c := C.cg_copy_as(C.cg_tensor(t.c), C.int(d))
	failed("CopyAs", []*Tensor{t})
	return t.scope.own(libtch.Ctensor(c)).on(t.Device())
}

// CopyInPlace replaces t's elements by u's, converted to t's type, outside the graph.
func (t *Tensor) CopyInPlace(u *Tensor) {
	t.check("Copy")
	u.check("Copy")
	C.cg_copy_in_place(C.cg_tensor(t.c), C.cg_tensor(u.c))
	failed("Copy", []*Tensor{t, u})
}

// Changes returns t's version counter: how often t has been changed in place.
func (t *Tensor) Changes() int64 {
	t.check("Changes")
	return int64(C.cg_changes(C.cg_tensor(t.c)))
}

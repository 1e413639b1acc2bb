package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_stand_in(cg_tensor, cg_tensor);
cg_tensor cg_copy_as(cg_tensor, int);
void cg_copy_in_place(cg_tensor, cg_tensor);
int64_t cg_changes(cg_tensor);
*/
import "C"

import "github.com/sugarme/gotch/libtch"

// StandIn is narrow, the leaf t's elements in a narrower type, in t's place: gradients that reach it are t's. They are added up
// in t's own type; a single one stays in the narrower, until Gradient, GradientNorm or AdamW reads it.
//
// What else gives t a gradient must do it through a stand-in too.
func (t *Tensor) StandIn(narrow *Tensor) *Tensor {
	return call("StandIn", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_stand_in(C.cg_tensor(t.c), C.cg_tensor(narrow.c)))
	}, t, narrow)
}

// Copied is a copy of t's elements in a type, outside the graph, that lives as long as t, also in a sealed scope.
func (t *Tensor) Copied(d DType) *Tensor {
	t.check("Copied")
	c := C.cg_copy_as(C.cg_tensor(t.c), C.int(d))
	failed("Copied", []*Tensor{t})
	return t.scope.own(libtch.Ctensor(c)).on(t.Device())
}

// CopyInPlace replaces t's elements by u's, converted to t's type, outside the graph.
func (t *Tensor) CopyInPlace(u *Tensor) {
	t.check("Copy")
	u.check("Copy")
	C.cg_copy_in_place(C.cg_tensor(t.c), C.cg_tensor(u.c))
	failed("Copy", []*Tensor{t, u})
}

// Changes counts how often t has been changed in place.
func (t *Tensor) Changes() int64 {
	t.check("Changes")
	return int64(C.cg_changes(C.cg_tensor(t.c)))
}

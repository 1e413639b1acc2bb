package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
int cg_gradient_kind(cg_tensor);
cg_tensor cg_join_gradients(cg_tensor *, int);
cg_tensor cg_gradient_ids(cg_tensor);
cg_tensor cg_gradient_rows(cg_tensor, const int64_t *, int64_t);
*/
import "C"

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// GradientKind is the form of a leaf's gradient.
type GradientKind int

// The forms.
const (
	NoGradient GradientKind = iota
	DenseGradient
	RowGradient // some rows of a table
)

// GradientKind is the form of the gradient of the leaf t.
func (t *Tensor) GradientKind() GradientKind {
	t.check("GradientKind")
	kind := C.cg_gradient_kind(C.cg_tensor(t.c))
	failed("GradientKind", []*Tensor{t})
	return GradientKind(kind)
}

// JoinGradients makes the gradients of leaves, all of one type, dense stretches of one tensor, and returns it: what is done to it in place
// is done to the gradients. A leaf without a gradient gets zeros.
func JoinGradients(s *Scope, leaves []*Tensor) *Tensor {
	h := handles("JoinGradients", leaves)
	return s.made("JoinGradients", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_join_gradients(first(h), C.int(len(leaves))))
	}, leaves...)
}

// GradientIDs lists the rows of a table's sparse gradient, ascending.
func (t *Tensor) GradientIDs(s *Scope) []int64 {
	ids := s.made("GradientIDs", func(o *libtch.Ctensor) { *o = libtch.Ctensor(C.cg_gradient_ids(C.cg_tensor(t.c))) }, t)
	out := make([]int64, ids.Len())
	if len(out) > 0 {
		ids.copyOut(unsafe.Pointer(&out[0]), 8*len(out))
	}
	return out
}

// GradientRows makes the gradient of the table t, sparse or none, one of the given ascending rows, which include those that it has. It
// returns their values [len(ids), D]: what is done to them in place is done to the gradient.
func (t *Tensor) GradientRows(s *Scope, ids []int64) *Tensor {
	at := append(ids, 0) // never empty, so that its first element has an address
	return s.made("GradientRows", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_gradient_rows(C.cg_tensor(t.c), (*C.int64_t)(unsafe.Pointer(&at[0])), C.int64_t(len(ids))))
	}, t)
}

// Try runs f and returns the *Error that an operation in it panicked with.
func Try(f func()) (err error) {
	defer func() {
		crash, refused := recovered(nil, recover())
		if crash != nil {
			panic(crash)
		}
		err = refused
	}()
	f()
	return nil
}

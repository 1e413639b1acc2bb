package torch

/*
#include <stddef.h>
typedef void *cg_tensor;
void cg_overwrite(cg_tensor, const void *, size_t);
void cg_clamp_in_place(cg_tensor, double, double);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// OverwriteInPlace replaces t's elements by bytes of t's own type, row-major. For loading checkpoints.
func (t *Tensor) OverwriteInPlace(data []byte) {
	t.check("Overwrite")
	if want := t.Len() * t.DType().Size(); len(data) != want {
		panic(fmt.Sprintf("torch: Overwrite: %d bytes for %d", len(data), want))
	}
	if len(data) == 0 {
		return
	}
	C.cg_overwrite(C.cg_tensor(t.c), unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)))
	failed("Overwrite", []*Tensor{t})
}

// ClampInPlace limits t's elements to [low, high], outside the graph.
func (t *Tensor) ClampInPlace(low, high float64) {
	t.check("Clamp")
	C.cg_clamp_in_place(C.cg_tensor(t.c), C.double(low), C.double(high))
	failed("Clamp", []*Tensor{t})
}

// LerpInPlace computes t += share (u - t), outside the graph. With t the average, u the weights and share = 1 - decay it updates an
// exponential moving average (EMA).
func (t *Tensor) LerpInPlace(u *Tensor, share float64) {
	t.inPlace("LerpInPlace", func(o *libtch.Ctensor) {
		scalar(share, func(c libtch.Cscalar) { libtch.AtgLerp_(o, t.c, u.c, c) })
	}, u)
}

// AddInPlace adds u to t, outside the graph.
func (t *Tensor) AddInPlace(u *Tensor) {
	t.inPlace("AddInPlace", func(o *libtch.Ctensor) { libtch.AtgAdd_(o, t.c, u.c) }, u)
}

// SubInPlace subtracts u from t, with u's shape broadcast, outside the graph.
func (t *Tensor) SubInPlace(u *Tensor) {
	t.inPlace("SubInPlace", func(o *libtch.Ctensor) { libtch.AtgSub_(o, t.c, u.c) }, u)
}

// MulInPlace multiplies t by u elementwise, with u's shape broadcast, outside the graph.
func (t *Tensor) MulInPlace(u *Tensor) {
	t.inPlace("MulInPlace", func(o *libtch.Ctensor) { libtch.AtgMul_(o, t.c, u.c) }, u)
}

// ExpInPlace computes t = exp(t) elementwise, outside the graph.
func (t *Tensor) ExpInPlace() {
	t.inPlace("ExpInPlace", func(o *libtch.Ctensor) { libtch.AtgExp_(o, t.c) })
}

// AddProductInPlace adds the matrix product of a and b to t (PyTorch's addmm_), outside the graph.
func (t *Tensor) AddProductInPlace(a, b *Tensor) {
	t.inPlace("AddProductInPlace", func(o *libtch.Ctensor) { libtch.AtgAddmm_(o, t.c, a.c, b.c) }, a, b)
}

// inPlace runs an operation that changes t, without recording it.
func (t *Tensor) inPlace(op string, f func(out *libtch.Ctensor), with ...*Tensor) {
	all := append([]*Tensor{t}, with...)
	for _, u := range all {
		u.check(op)
	}
	commonMark(op, all)
	defer record(record(false))
	out := t.scope.slot()
	*out = nil
	f(out)
	failed(op, all)
	libtch.AtFree(*out) // a second handle on t
}

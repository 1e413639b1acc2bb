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

// ClampInPlace limits t's elements to [low, high], outside the graph. For the scale after a step.
func (t *Tensor) ClampInPlace(low, high float64) {
	t.check("Clamp")
	C.cg_clamp_in_place(C.cg_tensor(t.c), C.double(low), C.double(high))
	failed("Clamp", []*Tensor{t})
}

// LerpInPlace moves t's elements by a share, from 0 to 1, of the way to u's, outside the graph. For averages of
// weights.
func (t *Tensor) LerpInPlace(u *Tensor, share float64) {
	t.check("Lerp")
	u.check("Lerp")
	defer libtch.AtGradSetEnabled(libtch.AtGradSetEnabled(0))
	*result = nil
	scalar(share, func(c libtch.Cscalar) { libtch.AtgLerp_(result, t.c, u.c, c) })
	failed("Lerp", []*Tensor{t, u})
	libtch.AtFree(*result) // a second handle on t
}

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

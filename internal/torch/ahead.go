package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
typedef struct { double lr, beta1, beta2, eps, limit; cg_tensor made, failed; cg_tensor *losses; int n_losses; } cg_ahead;
cg_tensor cg_adamw_ahead(cg_tensor *, cg_tensor *, cg_tensor *, const double *, int, const cg_ahead *);
void cg_watch_waits(void);
int64_t cg_waits_seen(void);
*/
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// Ahead holds what an asynchronous AdamW step decides on the device, without the host.
type Ahead struct {
	Limit  float64   // of the gradient norm; 0: none
	Losses []*Tensor // scalars; the step is skipped unless they and the norm are finite
	Made   *Tensor   // float32 [], steps made so far; updated
	Failed *Tensor   // float32 [2], skipped steps: the latest ones in a row, and the total; updated
}

// AdamWAheadInPlace is AdamWInPlace without synchronizing with the device. It returns the gradient norm before clipping, float64 []
// in scope s, by which it clips. Parameters, moments and Made stay unchanged if the norm or a loss is not finite. It updates every
// row of a table. a.Step and a.GradientScale are ignored.
func AdamWAheadInPlace(s *Scope, leaves []*Tensor, moments Moments, decay []float64, a AdamW, now Ahead) (norm *Tensor) {
	p, m, v := handles("AdamW", leaves), handles("AdamW", moments.Mean), handles("AdamW", moments.Variance)
	losses := handles("AdamW", now.Losses)
	var pinned runtime.Pinner // the struct holds a pointer to Go's memory
	defer pinned.Unpin()
	pinned.Pin(first(losses))
	args := C.cg_ahead{
		lr: C.double(a.LR), beta1: C.double(a.Beta1), beta2: C.double(a.Beta2), eps: C.double(a.Eps), limit: C.double(now.Limit),
		made: C.cg_tensor(now.Made.c), failed: C.cg_tensor(now.Failed.c), losses: first(losses), n_losses: C.int(len(now.Losses)),
	}
	c := C.cg_adamw_ahead(first(p), first(m), first(v), (*C.double)(unsafe.Pointer(unsafe.SliceData(decay))), C.int(len(leaves)), &args)
	failed("AdamW", now.Losses)
	return s.own(libtch.Ctensor(c)).on(now.Made.Device())
}

// Waits counts the operations in f that synchronize the host with a GPU (or would, on the CPU): Item, or a result whose size
// depends on values. It watches the whole process and is for tests.
func Waits(f func()) int {
	_ = onThread(func() { C.cg_watch_waits() }) // fails without libtorch, and then the count is 0
	f()
	n := 0
	_ = onThread(func() { n = int(C.cg_waits_seen()) })
	return n
}

package torch

/*
#include <stdint.h>
#include <stdlib.h>
typedef void *cg_tensor;
typedef char *(*cg_again)(uintptr_t, cg_tensor *, int, cg_tensor);
typedef void (*cg_forget)(uintptr_t);
cg_tensor cg_recomputed(cg_tensor, cg_tensor *, int, uintptr_t, cg_again, cg_forget);
char *clipgo_again(uintptr_t, cg_tensor *, int, cg_tensor);
void clipgo_forget(uintptr_t);
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// job is a function that the backward pass computes again.
type job struct {
	scope  *Scope // in which it was computed first
	device Device // of all operands
	f      func(in ...*Tensor) *Tensor
}

// Recomputed is f of one or two operands with no more of its graph than the operands: Backward computes f once more when it gets there
// (gradient checkpointing; Chen et al., 2016). f must be a function of the operands and of leaves, the same each time; what else
// it reads must outlive the operands' scope, and has no gradient from here.
func Recomputed(f func(in ...*Tensor) *Tensor, in ...*Tensor) *Tensor {
	scope := innermost("Recomputed", in)
	s := scope.nested()
	defer s.Free()
	seconds := make([]*Tensor, len(in))
	for i, t := range in {
		seconds[i] = t.In(s)
	}
	y := f(seconds...)
	if !y.Recorded() {
		return scope.Keep(y)
	}
	operands := handles("Recomputed", in)
	j := C.uintptr_t(cgo.NewHandle(&job{scope, y.Device(), f}))
	return scope.made("Recomputed", func(o *libtch.Ctensor) {
		*o = libtch.Ctensor(C.cg_recomputed(C.cg_tensor(y.c), first(operands), C.int(len(in)), j, C.cg_again(C.clipgo_again), C.cg_forget(C.clipgo_forget)))
	}, in...).on(y.Device())
}

// clipgo_again computes a job from leaves in its operands' place and goes back through its graph. It returns why it could not, for
// the caller to free, or null.
//
//export clipgo_again
func clipgo_again(handle C.uintptr_t, leaves *C.cg_tensor, n C.int, gradient C.cg_tensor) (reason *C.char) {
	defer func() {
		if r := recover(); r != nil { // a panic must not cross C++
			reason = C.CString(fmt.Sprint(caught(r)))
		}
	}()
	defer record(record(true))
	j := cgo.Handle(handle).Value().(*job)
	s := j.scope.nested()
	defer s.Free()
	in := make([]*Tensor, n)
	for i, c := range unsafe.Slice(leaves, int(n)) {
		in[i] = s.lent(c).on(j.device)
	}
	j.f(in...).BackwardFrom(s.lent(gradient).on(j.device))
	return nil
}

// lent is a tensor of s whose handle is the caller's.
func (s *Scope) lent(c C.cg_tensor) *Tensor {
	t := &Tensor{c: libtch.Ctensor(c), scope: s}
	s.tensors = append(s.tensors, t)
	return t
}

//export clipgo_forget
func clipgo_forget(handle C.uintptr_t) { cgo.Handle(handle).Delete() }

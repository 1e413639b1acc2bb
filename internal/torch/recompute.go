package torch

/*
#include <stdint.h>
#include <stdlib.h>
typedef void *cg_tensor;
typedef char *(*cg_recompute)(uintptr_t, cg_tensor *, int, cg_tensor);
typedef void (*cg_forget)(uintptr_t);
cg_tensor cg_recomputed(cg_tensor, cg_tensor *, int, uintptr_t, cg_recompute, cg_forget);
char *clipgo_recompute(uintptr_t, cg_tensor *, int, cg_tensor);
void clipgo_forget(uintptr_t);
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// job is a function that the backward pass recomputes.
type job struct {
	scope  *Scope // of the forward pass
	device Device // of all operands
	f      func(in ...*Tensor) *Tensor
}

// Recomputed returns f of one or two operands with gradient checkpointing (Chen et al., 2016): of f's graph only the operands are kept,
// and the backward pass computes f again. f must be a deterministic function of the operands and of leaves. Any other tensor that
// it reads must outlive the operands' scope and gets no gradient.
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
		*o = libtch.Ctensor(C.cg_recomputed(C.cg_tensor(y.c), first(operands), C.int(len(in)), j, C.cg_recompute(C.clipgo_recompute),
			C.cg_forget(C.clipgo_forget)))
	}, in...).on(y.Device())
}

// clipgo_recompute recomputes a job's function from detached operands (leaves) and runs its backward pass from gradient. It returns
// null, or an error text that the caller frees.
//
//export clipgo_recompute
func clipgo_recompute(handle C.uintptr_t, leaves *C.cg_tensor, n C.int, gradient C.cg_tensor) (reason *C.char) {
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

// lent returns a tensor of s for a handle that the caller owns.
func (s *Scope) lent(c C.cg_tensor) *Tensor {
	t := &Tensor{c: libtch.Ctensor(c), scope: s}
	s.tensors = append(s.tensors, t)
	return t
}

//export clipgo_forget
func clipgo_forget(handle C.uintptr_t) { cgo.Handle(handle).Delete() }

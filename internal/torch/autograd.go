package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
typedef struct { double lr, beta1, beta2, eps, gradient_scale; int64_t step; } cg_adamw_args;
void cg_backward(cg_tensor, cg_tensor);
cg_tensor cg_gradient(cg_tensor);
void cg_drop_gradients(cg_tensor *, int);
void cg_gather_rows(cg_tensor *, int);
double cg_gradient_norm(cg_tensor *, int);
void cg_adamw(cg_tensor *, cg_tensor *, cg_tensor *, cg_tensor *, cg_tensor *, const double *, int, const cg_adamw_args *);
*/
import "C"

import (
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// Trainable makes t a leaf whose gradient Backward collects, and returns it.
func (t *Tensor) Trainable() *Tensor {
	t.check("Trainable")
	out := t.scope.slot()
	*out = nil
	libtch.AtgRequiresGrad_(out, t.c, 1)
	failed("Trainable", []*Tensor{t})
	libtch.AtFree(*out) // a second handle on t
	return t
}

// Freeze makes the leaf t a constant again: Backward collects nothing for it, and nothing is recorded for what depends
// on constants alone.
func (t *Tensor) Freeze() {
	t.check("Freeze")
	out := t.scope.slot()
	*out = nil
	libtch.AtgRequiresGrad_(out, t.c, 0)
	failed("Freeze", []*Tensor{t})
	libtch.AtFree(*out) // a second handle on t
}

// Recorded says whether a gradient reaches t: it is a trainable leaf, or depends on one.
func (t *Tensor) Recorded() bool {
	t.check("Recorded")
	return libtch.AtRequiresGrad(t.c)
}

// Detach is the same elements outside the graph.
func (t *Tensor) Detach() *Tensor {
	return call("Detach", func(o *libtch.Ctensor) { libtch.AtgDetach(o, t.c) }, t)
}

// Backward adds the gradient of the scalar t to that of every trainable leaf.
func (t *Tensor) Backward() {
	t.check("Backward")
	C.cg_backward(C.cg_tensor(t.c), nil)
	failed("Backward", []*Tensor{t})
}

// BackwardFrom is Backward for any t, given the gradient of the loss to it.
func (t *Tensor) BackwardFrom(gradient *Tensor) {
	t.check("BackwardFrom")
	gradient.check("BackwardFrom")
	C.cg_backward(C.cg_tensor(t.c), C.cg_tensor(gradient.c))
	failed("BackwardFrom", []*Tensor{t, gradient})
}

// Gradient is what Backward collected for a leaf, in scope s, or nil when nothing reached it.
func (t *Tensor) Gradient(s *Scope) *Tensor {
	t.check("Gradient")
	c := C.cg_gradient(C.cg_tensor(t.c))
	failed("Gradient", []*Tensor{t})
	if c == nil {
		return nil
	}
	return s.own(libtch.Ctensor(c)).on(t.Device())
}

// DropGradients forgets the gradients of all leaves.
func DropGradients(leaves []*Tensor) {
	h := handles("DropGradients", leaves)
	C.cg_drop_gradients(first(h), C.int(len(leaves)))
	failed("DropGradients", nil)
}

// GatherRows lets each row of a table stand once in the gradient that the table has collected: without it, several passes
// keep the gradient of every lookup.
func GatherRows(tables []*Tensor) {
	h := handles("GatherRows", tables)
	C.cg_gather_rows(first(h), C.int(len(tables)))
	failed("GatherRows", nil)
}

// GradientNorm is the L2 norm over the gradients of all leaves. It has the same bits for any number of threads.
func GradientNorm(leaves []*Tensor) float64 {
	h := handles("GradientNorm", leaves)
	norm := C.cg_gradient_norm(first(h), C.int(len(leaves)))
	failed("GradientNorm", nil)
	return float64(norm)
}

// AdamW holds the numbers of one step of the optimizer.
type AdamW struct {
	LR, Beta1, Beta2, Eps float64
	GradientScale         float64 // 1 leaves gradients as they are; clipping makes it smaller
	Step                  int64   // counted from 1
}

// Moments are what AdamW keeps for each leaf.
type Moments struct {
	Mean, Variance []*Tensor
	// Touched, uint8 [V], marks the rows of a table [V, D] whose moments are not zero, so that the others cost no
	// more than their decay; nil for a leaf that is no table, or to treat every row as touched.
	Touched []*Tensor
	// Copies are the leaves in bfloat16, kept equal to them in the same pass; nil for a leaf without one.
	Copies []*Tensor
}

// AdamWInPlace moves every leaf that has a gradient by one AdamW step (Loshchilov and Hutter, 2019): decoupled decay,
// one rate for each leaf; eps outside the root, after bias correction. The moments are updated too. It is one pass
// over memory.
func AdamWInPlace(leaves []*Tensor, moments Moments, decay []float64, a AdamW) {
	if len(leaves) == 0 {
		return
	}
	p, m, v := handles("AdamW", leaves), handles("AdamW", moments.Mean), handles("AdamW", moments.Variance)
	touched, copies := optional(moments.Touched, len(leaves)), optional(moments.Copies, len(leaves))
	args := C.cg_adamw_args{
		lr: C.double(a.LR), beta1: C.double(a.Beta1), beta2: C.double(a.Beta2), eps: C.double(a.Eps),
		gradient_scale: C.double(a.GradientScale), step: C.int64_t(a.Step),
	}
	C.cg_adamw(first(p), first(m), first(v), first(touched), first(copies), (*C.double)(unsafe.Pointer(&decay[0])), C.int(len(leaves)), &args)
	failed("AdamW", nil)
}

func handles(op string, tensors []*Tensor) []C.cg_tensor {
	out := make([]C.cg_tensor, len(tensors)+1) // never empty, so that its first element has an address
	for i, t := range tensors {
		t.check(op)
		out[i] = C.cg_tensor(t.c)
	}
	return out
}

// optional are the handles of n tensors, of which any may be nil, and all of them left out.
func optional(tensors []*Tensor, n int) []C.cg_tensor {
	out := make([]C.cg_tensor, n+1)
	for i, t := range tensors {
		out[i] = C.cg_tensor(handle(t))
	}
	return out
}

func first(h []C.cg_tensor) *C.cg_tensor { return &h[0] }

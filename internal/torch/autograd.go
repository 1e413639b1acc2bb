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

// Freeze sets the leaf t's requires_grad to false: Backward computes no gradient for it, and operations on frozen tensors alone are
// not recorded.
func (t *Tensor) Freeze() {
	t.check("Freeze")
	out := t.scope.slot()
	*out = nil
	libtch.AtgRequiresGrad_(out, t.c, 0)
	failed("Freeze", []*Tensor{t})
	libtch.AtFree(*out) // a second handle on t
}

// Recorded reports PyTorch's requires_grad: t is a trainable leaf, or depends on one.
func (t *Tensor) Recorded() bool {
	t.check("Recorded")
	return libtch.AtRequiresGrad(t.c)
}

// Detach is the same elements outside the graph.
func (t *Tensor) Detach() *Tensor {
	return call("Detach", func(o *libtch.Ctensor) { libtch.AtgDetach(o, t.c) }, t)
}

// Backward computes the gradients of the scalar t and accumulates them into the trainable leaves.
func (t *Tensor) Backward() {
	t.check("Backward")
	C.cg_backward(C.cg_tensor(t.c), nil)
	failed("Backward", []*Tensor{t})
}

// BackwardFrom is Backward for a t of any shape, given the loss's gradient with respect to t.
func (t *Tensor) BackwardFrom(gradient *Tensor) {
	t.check("BackwardFrom")
	gradient.check("BackwardFrom")
	C.cg_backward(C.cg_tensor(t.c), C.cg_tensor(gradient.c))
	failed("BackwardFrom", []*Tensor{t, gradient})
}

// Gradient returns a leaf's accumulated gradient, in scope s, or nil if it has none.
func (t *Tensor) Gradient(s *Scope) *Tensor {
	t.check("Gradient")
	c := C.cg_gradient(C.cg_tensor(t.c))
	failed("Gradient", []*Tensor{t})
	if c == nil {
		return nil
	}
	return s.own(libtch.Ctensor(c)).on(t.Device())
}

// DropGradients clears the gradients of all leaves (PyTorch's zero_grad(set_to_none=True)).
func DropGradients(leaves []*Tensor) {
	h := handles("DropGradients", leaves)
	C.cg_drop_gradients(first(h), C.int(len(leaves)))
	failed("DropGradients", nil)
}

// GatherRows coalesces the sparse gradients of tables, so that each row occurs once. Without it, the gradients of several passes
// keep an entry for every lookup.
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

// AdamW holds the scalars of one optimizer step.
type AdamW struct {
	LR, Beta1, Beta2, Eps float64
	GradientScale         float64 // multiplies the gradients; less than 1 where they are clipped
	Step                  int64   // counted from 1
}

// Moments are AdamW's running averages of the gradient and of its square, for each leaf.
type Moments struct {
	Mean, Variance []*Tensor
	// Touched, uint8 [V], marks the rows of a table [V, D] whose moments are not zero. Only the decay is applied to the other
	// rows. It is nil for a leaf that is no table, or to treat every row as touched.
	Touched []*Tensor
	// Copies are the leaves' bfloat16 copies, which are updated with them; nil for a leaf without one.
	Copies []*Tensor
}

// AdamWInPlace makes one AdamW step (Loshchilov and Hutter, 2019) for every leaf that has a gradient, and updates the moments, in one
// pass over memory. decay is the weight decay of each leaf. eps is added to the bias-corrected root, as in PyTorch.
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
	C.cg_adamw(first(p), first(m), first(v), first(touched), first(copies), (*C.double)(unsafe.Pointer(&decay[0])), C.int(len(leaves)),
		&args)
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

// optional returns the handles of n tensors. Each may be nil, and so may the list.
func optional(tensors []*Tensor, n int) []C.cg_tensor {
	out := make([]C.cg_tensor, n+1)
	for i, t := range tensors {
		out[i] = C.cg_tensor(handle(t))
	}
	return out
}

func first(h []C.cg_tensor) *C.cg_tensor { return &h[0] }

package torch

import (
	"sync/atomic"

	"github.com/sugarme/gotch/libtch"
)

// Scope owns tensors and frees them together, newest first.
//
// Each Do has a chain of scopes: the one that it passes to its function, and those that Tidy and Within nest in it. A scope of
// NewScope is outside of all chains and outlives them: it holds parameters and optimizer state between calls.
type Scope struct {
	tensors []*Tensor
	parent  *Scope
	depth   int // 0 for a scope of Do, +1 for each Tidy; -1 for one made by NewScope
	sealed  bool
	lane    *lane    // that computes here; nil: libtorch's thread
	rows    bool     // of DoRows
	inner   []*Scope // of lanes, which end first
	overlap *Overlap // of a step, and of its lanes; nil: none
}

const outside = -1

// NewScope makes a scope that outlives every Do. Its owner calls Free.
func NewScope() *Scope { return &Scope{depth: outside} }

// nested opens a scope that ends before s.
func (s *Scope) nested() *Scope {
	return &Scope{parent: s, depth: s.depth + 1, lane: s.lane, rows: s.rows}
}

// Seal closes the scope to results of operations: an operation on its tensors alone panics, since the result would
// stay as long as the parameters do. Bind one of them to a shorter scope with In first.
func (s *Scope) Seal() { s.sealed = true }

// Free frees all tensors of the scope. Using one of them afterwards panics.
func (s *Scope) Free() {
	for _, lane := range s.inner {
		lane.Free()
	}
	s.inner = nil
	if len(s.tensors) == 0 {
		return
	}
	free := func() {
		for i := len(s.tensors) - 1; i >= 0; i-- {
			s.tensors[i].free()
		}
		s.tensors = nil
	}
	if s.depth != outside {
		free()
		return
	}
	// The error would be that libtorch is not loaded: then there is nothing to free.
	_ = onThread(free)
}

// Keep moves t here from its own scope, so that it lives as long as this one, and returns it. A sealed scope takes it.
func (s *Scope) Keep(t *Tensor) *Tensor {
	t.check("keep")
	kept := s.own(libtch.AtShallowClone(t.c))
	kept.causal, kept.mark = t.causal, t.mark
	return kept
}

// own makes a tensor of a new handle.
func (s *Scope) own(c libtch.Ctensor) *Tensor {
	t := &Tensor{c: c, scope: s, owned: true}
	s.tensors = append(s.tensors, t)
	live.Add(1)
	tracked(t)
	return t
}

// within says whether s is inner or the same line as outer.
func (s *Scope) within(outer *Scope) bool {
	if outer.depth == outside {
		return true
	}
	for ; s != nil; s = s.parent {
		if s == outer {
			return true
		}
	}
	return false
}

// innermost is the scope that a result of these operands belongs to.
func innermost(op string, in []*Tensor) *Scope {
	var s *Scope
	for _, t := range in {
		if t == nil {
			continue
		}
		t.check(op)
		switch {
		case s == nil || (t.scope != s && t.scope.within(s)):
			s = t.scope
		case !s.within(t.scope):
			panic("torch: " + op + ": operands of two unrelated scopes")
		}
	}
	if s.sealed {
		panic("torch: " + op + " on parameters alone: bind one with In(scope) first")
	}
	return s
}

var live atomic.Int64

// Live is the number of tensor handles that exist. It returns to where it began after each step.
func Live() int64 { return live.Load() }

// Tidy runs f in a scope of its own and frees all that f computed but its result. Inside, x is a second handle that
// belongs to the inner scope, so everything computed from it does too. It bounds the memory of a stack of layers.
func Tidy(x *Tensor, f func(x *Tensor) *Tensor) *Tensor {
	s := x.scope.nested()
	defer s.Free()
	return x.scope.Keep(f(x.In(s)))
}

// Within runs f in a scope of its own, and frees all that f made there but what it has handed out by Keep.
func (s *Scope) Within(f func(inner *Scope)) {
	inner := s.nested()
	defer inner.Free()
	f(inner)
}

// Unrecorded is Within without a graph: what f computes is a constant.
func (s *Scope) Unrecorded(f func(inner *Scope)) {
	defer record(record(false)) // of this thread, which is the lane's
	s.Within(f)
}

package torch

// #include <stdlib.h>
import "C"

import (
	"strings"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// newSlot allocates the memory to which libtorch writes the handle that a call returns. It is C memory, since C must not keep a
// pointer to Go memory. One slot for each thread is enough, since calls don't nest.
func newSlot() *libtch.Ctensor { return (*libtch.Ctensor)(C.calloc(1, 64)) }

// result is the slot of libtorch's thread; each lane has its own.
var result = newSlot()

// slot returns the slot of the thread that computes in s.
func (s *Scope) slot() *libtch.Ctensor {
	if s.lane == nil {
		return result
	}
	return s.lane.slot
}

// call runs one libtorch operation. The result belongs to the innermost scope among the operands; a failure panics
// with the operation's name and the operands' shapes.
func call(op string, f func(out *libtch.Ctensor), in ...*Tensor) *Tensor {
	s, m := innermost(op, in), commonMark(op, in)
	t := s.made(op, f, in...)
	t.mark = m
	return t
}

// made runs an operation whose result belongs to s.
func (s *Scope) made(op string, f func(out *libtch.Ctensor), in ...*Tensor) *Tensor {
	out := s.slot()
	*out = nil
	f(out)
	failed(op, in)
	return s.own(*out)
}

// failed panics when the last call left an error behind.
func failed(op string, in []*Tensor) {
	text := libtch.GetAndResetLastErr()
	if text == nil {
		return
	}
	message := C.GoString((*C.char)(unsafe.Pointer(text)))
	C.free(unsafe.Pointer(text))
	first, _, _ := strings.Cut(message, "\n")
	e := &Error{Op: op, Text: first}
	for _, t := range in {
		if t != nil && t.c != nil {
			var shape []int64
			for _, d := range t.Shape() {
				shape = append(shape, int64(d))
			}
			e.Shapes = append(e.Shapes, shape)
		}
	}
	panic(e)
}

// handle is t's handle, or nil for an omitted operand.
func handle(t *Tensor) libtch.Ctensor {
	if t == nil {
		return nil
	}
	return t.c
}

// scalar calls f with v as a libtorch scalar.
func scalar(v float64, f func(libtch.Cscalar)) {
	s := libtch.AtsFloat(v)
	defer libtch.AtsFree(s)
	f(s)
}

// Int64s converts integers to int64, the type of libtorch's shapes and indices.
func Int64s[T int | int32](v []T) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

package torch

/*
#include <stdlib.h>
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_from_bytes(const void *, const int64_t *, int, int, int);
cg_tensor cg_view_bytes(void *, const int64_t *, int, int);
void cg_to_bytes(cg_tensor, void *, size_t);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// DType is the type of a tensor's numbers, by libtorch's own numbering.
type DType int32

// The types that clipgo computes with or stores.
const (
	Uint8    DType = 0
	Int64    DType = 4
	Float16  DType = 5
	Float32  DType = 6
	Float64  DType = 7
	BFloat16 DType = 15
)

// Size is the width of one number in bytes.
func (d DType) Size() int {
	switch d {
	case Uint8:
		return 1
	case Float16, BFloat16:
		return 2
	case Float32:
		return 4
	default:
		return 8
	}
}

// Tensor is a handle on numbers that libtorch holds. It belongs to one scope.
type Tensor struct {
	mark  mark // of its device
	c     libtch.Ctensor
	scope *Scope
	owned bool // false for a second handle made by In
	// causal marks a CausalMask: some kernels apply it without reading it.
	causal bool
}

// number lists the element types of slices that can become tensors.
type number interface {
	~uint8 | ~int64 | ~float32 | ~float64
}

// From copies a row-major slice into a new tensor of the slice's own type.
func From[T number](s *Scope, data []T, shape ...int) *Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(data) {
		panic(fmt.Sprintf("torch: From: %d numbers for shape %v", len(data), shape))
	}
	var first unsafe.Pointer
	if n > 0 {
		first = unsafe.Pointer(unsafe.SliceData(data))
	}
	return s.fromPointer(first, dtypeOf[T](), shape, CPU)
}

func dtypeOf[T number]() DType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return Uint8
	case int64:
		return Int64
	case float32:
		return Float32
	default:
		return Float64
	}
}

// FromBytes copies numbers of any type, row-major and little endian as files hold them, to a device.
func FromBytes(s *Scope, data []byte, dtype DType, device Device, shape ...int) *Tensor {
	n := dtype.Size()
	for _, d := range shape {
		n *= d
	}
	if n != len(data) {
		panic(fmt.Sprintf("torch: FromBytes: %d bytes for shape %v", len(data), shape))
	}
	return s.fromPointer(unsafe.Pointer(unsafe.SliceData(data)), dtype, shape, device)
}

func (s *Scope) fromPointer(data unsafe.Pointer, dtype DType, shape []int, device Device) *Tensor {
	dims, n := cShape(shape)
	c := C.cg_from_bytes(data, dims, n, C.int(dtype), C.int(device.number()))
	failed("From", nil)
	return s.own(libtch.Ctensor(c)).on(device)
}

// View makes a tensor over memory that is not Go's (a mapped file), without a copy. The memory must outlive the scope.
func View(s *Scope, data unsafe.Pointer, dtype DType, shape ...int) *Tensor {
	dims, n := cShape(shape)
	c := C.cg_view_bytes(data, dims, n, C.int(dtype))
	failed("View", nil)
	return s.own(libtch.Ctensor(c))
}

// cShape converts a shape for C; the pointer is valid even without dimensions.
func cShape(shape []int) (*C.int64_t, C.int) {
	dims := make([]int64, len(shape)+1)
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return (*C.int64_t)(unsafe.Pointer(&dims[0])), C.int(len(shape))
}

// check panics with the operation's name when the handle has been freed.
func (t *Tensor) check(op string) {
	if t.c == nil {
		panic("torch: " + op + ": the tensor has been freed")
	}
}

func (t *Tensor) free() {
	if t.owned {
		libtch.AtFree(t.c)
		live.Add(-1)
		untracked(t)
	}
	t.c = nil
}

// In returns a second handle on t that belongs to s. s must end before t's own scope does.
func (t *Tensor) In(s *Scope) *Tensor {
	t.check("In")
	if !s.within(t.scope) {
		panic("torch: In: the scope outlives the tensor")
	}
	second := &Tensor{c: t.c, scope: s, causal: t.causal, mark: t.mark}
	s.tensors = append(s.tensors, second)
	return second
}

// Scope is the scope that owns t.
func (t *Tensor) Scope() *Scope { return t.scope }

// Shape is the size of each dimension.
func (t *Tensor) Shape() []int {
	t.check("Shape")
	n := int(libtch.AtDim(t.c))
	dims := make([]int64, n+1)
	libtch.AtShape(t.c, unsafe.Pointer(&dims[0]))
	shape := make([]int, n)
	for i := range shape {
		shape[i] = int(dims[i])
	}
	return shape
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape() {
		n *= d
	}
	return n
}

// DType is the type of the elements.
func (t *Tensor) DType() DType {
	t.check("DType")
	return DType(libtch.AtScalarType(t.c))
}

// Bytes copies the elements out, row-major, in the tensor's own type.
func (t *Tensor) Bytes() []byte {
	out := make([]byte, t.Len()*t.DType().Size())
	t.copyOut(unsafe.Pointer(unsafe.SliceData(out)), len(out))
	return out
}

// Float32s copies the elements out, row-major, converted to float32 where needed.
func (t *Tensor) Float32s() []float32 {
	out := make([]float32, t.Len())
	s := t.scope.nested()
	defer s.Free()
	t.In(s).To(Float32).copyOut(unsafe.Pointer(unsafe.SliceData(out)), 4*len(out))
	return out
}

// Float64s copies the elements out, row-major, converted to float64 where needed.
func (t *Tensor) Float64s() []float64 {
	out := make([]float64, t.Len())
	s := t.scope.nested()
	defer s.Free()
	t.In(s).To(Float64).copyOut(unsafe.Pointer(unsafe.SliceData(out)), 8*len(out))
	return out
}

// Item is the value of a tensor with one element.
func (t *Tensor) Item() float64 {
	v := t.Float64s()
	if len(v) != 1 {
		panic(fmt.Sprintf("torch: Item of shape %v", t.Shape()))
	}
	return v[0]
}

func (t *Tensor) copyOut(to unsafe.Pointer, n int) {
	if n == 0 {
		return
	}
	C.cg_to_bytes(C.cg_tensor(t.c), to, C.size_t(n))
	failed("Bytes", []*Tensor{t})
}

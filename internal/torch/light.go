package torch

/*
#include <stdint.h>
typedef struct {
	int64_t n, k;
	const int8_t *packed;
	const float *scales;
	const int32_t *sums;
	const float *factors;
} cg_int8;
const char *cg_int8_kernel(void);
void cg_light_int8(const cg_int8 *, int64_t, const float *, const float *, int, const float *, float *, int64_t, int64_t);
void cg_light_float(int64_t, int64_t, const float *, int64_t, const float *, const float *, int, const float *, float *, int64_t, int64_t);
void cg_light_attention(int64_t, int64_t, int64_t, int, const float *, float *, int64_t, int64_t);
*/
import "C"

import (
	"sync"
	"unsafe"
)

// What is below computes on Go's memory without libtorch, and never loads it: for one text, to load libtorch takes ten times as long.

// Int8Kernel names the instructions of products in 8 bits: avx512_vnni, avx_vnni, avx2 or plain.
func Int8Kernel() string { return C.GoString(C.cg_int8_kernel()) }

// LightMatrix is a matrix [Out, In] of a linear layer, in 8 bits or in float32, and the layer's bias [Out].
type LightMatrix struct {
	Out, In int
	Form    *Int8     // nil: Values
	Values  []float32 // row-major; not used where there is a form
	Bias    []float32 // nil: none
}

// lightColumns is the unit in which threads share the columns of a result: a panel of the packed weights.
const lightColumns = 32

// Linear computes y = f(x w^T + bias) + residual on so many threads: x [m, In], residual [m, Out] or nil, y [m, Out], which may be the
// residual. A row of y depends on its row of x alone, and in 8 bits it has the bytes that LinearInt8 gives.
func (w *LightMatrix) Linear(y, x []float32, f Elementwise, residual []float32, threads int) {
	m := len(x) / w.In
	if len(x) != m*w.In || len(y) != m*w.Out || residual != nil && len(residual) != len(y) {
		panic("torch: rows don't fit the matrix")
	}
	if m == 0 {
		return
	}
	each(threads, (w.Out+lightColumns-1)/lightColumns, func(from, to int) {
		first, last := C.int64_t(from*lightColumns), C.int64_t(min(to*lightColumns, w.Out))
		if w.Form != nil {
			C.cg_light_int8((*C.cg_int8)(unsafe.Pointer(w.Form.c)), C.int64_t(m), floats(x), floats(w.Bias), C.int(f), floats(residual),
				floats(y), first, last)
			return
		}
		C.cg_light_float(C.int64_t(w.Out), C.int64_t(w.In), floats(w.Values), C.int64_t(m), floats(x), floats(w.Bias), C.int(f),
			floats(residual), floats(y), first, last)
	})
}

// LightAttention is self-attention within one text, on so many threads: qkv [l, 3 D] has queries, keys and values of all heads, and y is
// [l, D]. With causal no position attends to those behind it.
func LightAttention(y, qkv []float32, width, heads int, causal bool, threads int) {
	l := len(y) / width
	if l == 0 || len(y) != l*width || len(qkv) != 3*len(y) || width%heads != 0 {
		panic("torch: sizes of an attention that don't fit")
	}
	mask := C.int(0)
	if causal {
		mask = 1
	}
	each(threads, heads, func(from, to int) {
		C.cg_light_attention(C.int64_t(l), C.int64_t(heads), C.int64_t(width/heads), mask, floats(qkv), floats(y), C.int64_t(from),
			C.int64_t(to))
	})
}

// each splits [0, n) over so many threads.
func each(threads, n int, f func(from, to int)) {
	threads = max(1, min(threads, n))
	var others sync.WaitGroup
	for i := 1; i < threads; i++ {
		others.Go(func() { f(i*n/threads, (i+1)*n/threads) })
	}
	f(0, n/threads)
	others.Wait()
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }

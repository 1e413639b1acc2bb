package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_pixels(const uint8_t *, int64_t, int64_t, const double *, const double *, int);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// Pixels turns n square pictures, uint8 [n, size, size, 3], into float32 [n, 3, size, size] with
// (value/255 - mean) / std for each channel, in one pass.
func Pixels(s *Scope, pixels []uint8, n int, mean, std [3]float64, d Device) *Tensor {
	size := 0
	for n > 0 && (size+1)*(size+1)*3*n <= len(pixels) {
		size++
	}
	if n <= 0 || size*size*3*n != len(pixels) {
		panic(fmt.Sprintf("torch: Pixels: %d bytes are not %d square pictures", len(pixels), n))
	}
	c := C.cg_pixels((*C.uint8_t)(unsafe.SliceData(pixels)), C.int64_t(n), C.int64_t(size),
		(*C.double)(&mean[0]), (*C.double)(&std[0]), C.int(d))
	failed("Pixels", nil)
	return s.own(libtch.Ctensor(c))
}

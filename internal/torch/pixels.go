package torch

/*
#include <stdint.h>
typedef void *cg_tensor;
cg_tensor cg_pixels(const uint8_t *, int64_t, int64_t, const double *, const double *);
cg_tensor cg_pixels_on_device(const uint8_t *, int64_t, int64_t, const double *, const double *, int);
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
)

// Pixels turns n square pictures, uint8 [n, size, size, 3], into float32 [n, 3, size, size] with
// (value/255 - mean) / std for each channel: on the CPU in one pass, on another device after the bytes were copied there.
func Pixels(s *Scope, pixels []uint8, n int, mean, std [3]float64, d Device) *Tensor {
	size := 0
	for n > 0 && (size+1)*(size+1)*3*n <= len(pixels) {
		size++
	}
	if n <= 0 || size*size*3*n != len(pixels) {
		panic(fmt.Sprintf("torch: Pixels: %d bytes are not %d square pictures", len(pixels), n))
	}
	if d != CPU {
		return s.pixelsThere(pixels, [2]int{n, size}, mean, std, d)
	}
	c := C.cg_pixels((*C.uint8_t)(unsafe.SliceData(pixels)), C.int64_t(n), C.int64_t(size), (*C.double)(&mean[0]), (*C.double)(&std[0]))
	failed("Pixels", nil)
	return s.own(libtch.Ctensor(c))
}

// pixelsThere copies n pictures as bytes and computes on the device, which may be the CPU.
func (s *Scope) pixelsThere(pixels []uint8, shape [2]int, mean, std [3]float64, d Device) *Tensor {
	c := C.cg_pixels_on_device((*C.uint8_t)(unsafe.SliceData(pixels)), C.int64_t(shape[0]), C.int64_t(shape[1]),
		(*C.double)(&mean[0]), (*C.double)(&std[0]), C.int(d.number()))
	failed("Pixels", nil)
	return s.own(libtch.Ctensor(c)).on(d)
}

//go:build turbojpeg && cgo

package jpeg

// #cgo LDFLAGS: -ljpeg
// #include <stdlib.h>
// #include "turbo.h"
import "C"

import (
	"errors"
	"unsafe"
)

// Library names the decoder and its version.
func Library() string { return C.GoString(C.clipgo_jpeg_library()) }

// decode is one call of C, which writes the pixels to Go memory.
func (o Options) decode(file []byte, f frame) (*Picture, error) {
	p := &Picture{Width: ceilDiv(f.width, o.Shrink), Height: ceilDiv(f.height, o.Shrink), Channels: f.components, Shrunk: o.Shrink}
	p.Pix = o.memory(p.Width * p.Height * p.Channels)
	want := C.clipgo_jpeg_picture{
		width: C.uint(p.Width), height: C.uint(p.Height), channels: C.uint(p.Channels), shrink: C.uint(o.Shrink), max_scans: maxScans,
	}
	in, out := (*C.uchar)(unsafe.SliceData(file)), (*C.uchar)(unsafe.SliceData(p.Pix))
	message := C.clipgo_jpeg_decode(in, C.ulong(len(file)), out, want)
	if message != nil {
		defer C.free(unsafe.Pointer(message))
		return nil, errors.New("jpeg: " + C.GoString(message))
	}
	return p, nil
}

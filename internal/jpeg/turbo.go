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

// need: of a picture that comes in several scans the library keeps all coefficients, 2 bytes each.
func (o Options) need(file []byte, f frame) int {
	n := ceilDiv(f.width, o.Shrink) * ceilDiv(f.height, o.Shrink) * f.components
	if f.marker > sof0+1 || firstScan(file) < f.components {
		n += 2 * f.stored()
	}
	return n
}

// firstScan is the number of components of the first scan, 0 if there is none.
func firstScan(file []byte) int {
	s, err := newSegments(file)
	if err != nil {
		return 0
	}
	for {
		marker, body, err := s.next()
		switch {
		case err != nil || marker == eoi:
			return 0
		case marker == sos && len(body) > 0:
			return int(body[0])
		}
	}
}

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

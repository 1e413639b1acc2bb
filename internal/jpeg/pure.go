//go:build !turbojpeg || !cgo

package jpeg

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	std "image/jpeg"
	"io"

	"github.com/gen2brain/jpegn"
)

// Library names the decoder and its version.
func Library() string { return "jpegn 0.6.1 (pure Go)" }

// need: the decoders make planes of the whole picture, and of a progressive one keep the coefficients, 4 bytes each.
func (o Options) need(_ []byte, f frame) int {
	n := f.width*f.height*f.components + f.stored()
	if f.marker == sof2 {
		n += 4 * f.stored()
	}
	return n
}

func (o Options) decode(file []byte, f frame) (*Picture, error) {
	if f.marker > sof2 {
		return nil, errors.New("jpeg: unsupported: neither baseline nor progressive")
	}
	restarts, err := checkComplete(file)
	if err != nil {
		return nil, err
	}
	im, err := planes(file, f, restarts)
	switch {
	case refused(err):
		return nil, fmt.Errorf("jpeg: unsupported: %w", err)
	case err != nil:
		return nil, fmt.Errorf("jpeg: corrupt: %w", err)
	}
	if b := im.Bounds(); b.Dx() != f.width || b.Dy() != f.height {
		return nil, errors.New("jpeg: corrupt: two headers disagree")
	}
	return o.assemble(im, f)
}

// planes decodes a file, usually to planes that are not upsampled yet. Jpegn is twice as fast on baseline files, but if a scan stops
// early it leaves blocks empty without an error, which the standard library reports. The standard library fails on
// progressive files with restart markers, which are decoded by jpegn.
func planes(file []byte, f frame, restarts bool) (im image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			im, err = nil, fmt.Errorf("the decoder panics: %v", r)
		}
	}()
	switch {
	case f.marker == sof2 && restarts:
		return either(file, fast, std.Decode)
	case f.marker == sof2 || f.components == 4:
		return either(file, std.Decode, fast)
	}
	im, err = either(file, fast, std.Decode)
	if err == nil && endsFlat(im) {
		return either(file, std.Decode, fast)
	}
	return im, err
}

func fast(r io.Reader) (image.Image, error) { return jpegn.Decode(r) }

// either tries the second decoder if the first one doesn't support the file.
func either(file []byte, first, second func(io.Reader) (image.Image, error)) (image.Image, error) {
	im, err := first(bytes.NewReader(file))
	if refused(err) {
		return second(bytes.NewReader(file))
	}
	return im, err
}

// refused reports whether an error is a decoder's limitation and not a damaged file.
func refused(err error) bool {
	var unsupported std.UnsupportedError
	return errors.Is(err, jpegn.ErrUnsupported) || errors.As(err, &unsupported)
}

// endsFlat reports whether the last block of a picture's first plane has a single value, as it has if jpegn skipped it.
func endsFlat(im image.Image) bool {
	var pix []uint8
	var stride int
	switch im := im.(type) {
	case *image.Gray:
		pix, stride = im.Pix, im.Stride
	case *image.YCbCr:
		pix, stride = im.Y, im.YStride
	default:
		return true
	}
	b := im.Bounds()
	left, top := (b.Dx()-1)&^7, (b.Dy()-1)&^7
	for y := top; y < b.Dy(); y++ {
		for _, v := range pix[y*stride+left : y*stride+b.Dx()] {
			if v != pix[top*stride+left] {
				return false
			}
		}
	}
	return true
}

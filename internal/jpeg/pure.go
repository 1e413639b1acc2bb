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

// planes decodes a file to what it stores, mostly planes that are not upsampled yet. Jpegn is twice as fast on baseline
// files, but leaves blocks empty without a word where a scan stops early; the standard library reports that. It loses
// its place, though, in progressive files with restart markers: those are jpegn's.
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

// either lets the second decoder try what the first one doesn't support.
func either(file []byte, first, second func(io.Reader) (image.Image, error)) (image.Image, error) {
	im, err := first(bytes.NewReader(file))
	if refused(err) {
		return second(bytes.NewReader(file))
	}
	return im, err
}

// refused tells a decoder's limits from a fault of the file.
func refused(err error) bool {
	var unsupported std.UnsupportedError
	return errors.Is(err, jpegn.ErrUnsupported) || errors.As(err, &unsupported)
}

// endsFlat tells whether the last block of a picture's first plane holds a single value, as it does where jpegn left it out.
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

// Package jpeg decodes JPEG files to the pixels that Pillow gives.
//
// With the build tag turbojpeg it is libjpeg-turbo, and the pixels are Pillow's byte for byte. Without the tag it is pure
// Go: jpegn, or the standard library for what jpegn refuses, and the upsampling and colours of libjpeg on top.
package jpeg

import "fmt"

// Picture is a decoded file, row by row from the top: Pix is [Height, Width, Channels].
type Picture struct {
	Width, Height int
	Channels      int // 1 grey, 3 RGB, 4 CMYK where 255 is full ink
	Pix           []uint8
}

// Size reads a picture's size from its header. It allocates nothing in proportion to that size, so limits are checked
// with it before Decode.
func Size(file []byte) (width, height int, err error) {
	f, err := readFrame(file)
	if err != nil {
		return 0, 0, err
	}
	return f.width, f.height, nil
}

// Decode decodes a whole file. A truncated or damaged file is an error ("corrupt: ..."), never half a picture; bytes
// after the end of the picture don't matter. EXIF orientation is not applied.
//
// Memory is in proportion to Size. Pure Go misses a scan that stops within its last blocks (its last restart interval, in
// a progressive file that has them) and a damaged bit that still decodes, repeats chroma in unusual subsamplings, and refuses arithmetic coding and CMYK without Adobe's marker.
func Decode(file []byte) (*Picture, error) {
	f, err := readFrame(file)
	if err != nil {
		return nil, err
	}
	if f.components == 2 || f.components > 4 {
		return nil, fmt.Errorf("jpeg: unsupported: %d components", f.components)
	}
	if !f.fits(len(file)) {
		return nil, fmt.Errorf("jpeg: corrupt: %d bytes can't hold %d x %d pixels", len(file), f.width, f.height)
	}
	return decode(file, f)
}

// maxScans bounds the work that a small progressive file can ask for; encoders write about 10 scans.
const maxScans = 500

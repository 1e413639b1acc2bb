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
	Shrunk        int // what the sides that the header names were divided by
}

// Options say how a file is decoded. The zero value is the whole picture in memory of its own.
type Options struct {
	// Shrink divides each side by 2, 4 or 8, rounded up, within the inverse cosine transform: the pixels are those of
	// Pillow's Image.draft. Pure Go decodes the whole picture all the same.
	Shrink int
	Memory []uint8 // becomes Pix where it is large enough
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

// Decode is Options.Decode of the zero value.
func Decode(file []byte) (*Picture, error) { return Options{}.Decode(file) }

// Decode decodes a whole file. A truncated or damaged file is an error ("corrupt: ..."), never half a picture; bytes
// after the end of the picture don't matter. EXIF orientation is not applied.
//
// Memory is in proportion to Size. Pure Go misses a scan that stops within its last blocks (its last restart interval, in a
// progressive file that has them) and a damaged bit that still decodes, repeats chroma in unusual subsamplings, and refuses
// arithmetic coding and CMYK without Adobe's marker.
func (o Options) Decode(file []byte) (*Picture, error) {
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
	o.Shrink = max(o.Shrink, 1)
	return o.decode(file, f)
}

// memory is n bytes of any value.
func (o Options) memory(n int) []uint8 {
	if cap(o.Memory) < n {
		return make([]uint8, n)
	}
	return o.Memory[:n]
}

// maxScans bounds the work that a small progressive file can ask for; encoders write about 10 scans.
const maxScans = 500

// Package jpeg decodes JPEG files to the same pixels as Pillow.
//
// With the build tag turbojpeg it uses libjpeg-turbo, and the pixels are Pillow's byte for byte. Without the tag it is pure Go: jpegn, or
// the standard library for files that jpegn doesn't support, followed by libjpeg's upsampling and colour conversion.
package jpeg

import "fmt"

// Picture is a decoded file, row by row from the top: Pix is [Height, Width, Channels].
type Picture struct {
	Width, Height int
	Channels      int // 1 grey, 3 RGB, 4 CMYK where 255 is full ink
	Pix           []uint8
	Shrunk        int // divisor of the header's sides
}

// Options are the options of decoding. The zero value decodes at full size into new memory.
type Options struct {
	// Shrink divides each side by 2, 4 or 8, rounded up, within the inverse cosine transform: the pixels are those of
	// Pillow's Image.draft. Pure Go decodes the whole picture all the same.
	Shrink int
	Memory []uint8 // used for Pix if it is large enough
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

// Header is Size with the number of channels of the picture, which is one that Decode supports. The beginning of a file is enough, up to
// its frame header.
func Header(file []byte) (width, height, channels int, err error) {
	f, err := readFrame(file)
	if err == nil {
		err = f.supported()
	}
	return f.width, f.height, f.components, err
}

// Need is the memory in bytes that Decode takes at most, with the picture itself. It reads only headers.
func (o Options) Need(file []byte) (int, error) {
	f, err := readFrame(file)
	if err != nil {
		return 0, err
	}
	o.Shrink = max(o.Shrink, 1)
	return o.need(file, f), nil
}

// Decode is Options.Decode of the zero value.
func Decode(file []byte) (*Picture, error) { return Options{}.Decode(file) }

// Decode decodes a whole file. A truncated or damaged file is an error ("corrupt: ..."), never a part of a picture; bytes after the end of
// the picture are ignored. EXIF orientation is not applied.
//
// The memory is proportional to Size. Limitations of pure Go: it doesn't detect a scan that stops within its last blocks (its last
// restart interval, in a progressive file that has them), nor a damaged bit that can be decoded; it repeats chroma in unusual
// subsamplings; it refuses arithmetic coding and CMYK without Adobe's marker.
func (o Options) Decode(file []byte) (*Picture, error) {
	f, err := readFrame(file)
	if err != nil {
		return nil, err
	}
	if err := f.supported(); err != nil {
		return nil, err
	}
	if !f.fits(len(file)) {
		return nil, fmt.Errorf("jpeg: corrupt: %d bytes can't hold %d x %d pixels", len(file), f.width, f.height)
	}
	o.Shrink = max(o.Shrink, 1)
	return o.decode(file, f)
}

// memory returns n bytes with unspecified values.
func (o Options) memory(n int) []uint8 {
	if cap(o.Memory) < n {
		return make([]uint8, n)
	}
	return o.Memory[:n]
}

// maxScans bounds the work that a small progressive file can ask for; encoders write about 10 scans.
const maxScans = 500

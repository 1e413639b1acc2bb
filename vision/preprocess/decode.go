package preprocess

import (
	"bytes"
	"fmt"
)

// Decode decodes an image file: JPEG, PNG, WebP, GIF, TIFF or BMP, and of an animation or a file of several pages the first one. It
// recognizes the format by the first bytes, not by a name. The error is a *RefusedError if the file or the picture exceeds the limits; a
// truncated or damaged file is an error as well. It allocates no memory for pixels that the limits or the file's length rule out.
func Decode(file []byte, limits Limits) (*Image, error) {
	d := decoding{Limits: limits}
	defer d.release()
	return d.decode(file)
}

// decoding is the decoding of one file.
type decoding struct {
	Limits
	reuse       bool                                     // take memory of earlier pictures
	flat        bool                                     // convert to RGB, or grey, at once
	background  *[3]uint8                                // what transparent pixels are drawn on; nil: their alpha is dropped
	reduce      func(width, height, orientation int) int // divisor of a JPEG's sides; nil: 1
	upright     bool                                     // the picture is going to be turned by its orientation
	orientation int                                      // of the file, once it is known
	reserved    int                                      // bytes of the budget
	memory      *memory                                  // nil: new
}

// reserve waits for the memory that a decoder takes at most. It is called once, before the first allocation of pixels. A picture that is
// turned, or resized in another mode than RGB, is copied once.
func (d *decoding) reserve(bytes int) {
	if d.reuse && (!d.flat || d.upright && d.orientation > 1) {
		bytes *= 2
	}
	d.reserved = max(bytes, 1)
	shared().reserve(d.reserved, d.Limits.memory())
	if d.reuse {
		d.memory = shared().take(d.Limits.memory())
	}
}

// release ends the reservation. With reuse the picture may not be used any more.
func (d *decoding) release() {
	if d.reserved > 0 {
		shared().release(d.reserved, d.Limits.memory(), d.memory)
	}
	d.reserved, d.memory = 0, nil
}

func (d *decoding) decode(file []byte) (*Image, error) {
	if err := d.checkBytes(len(file)); err != nil {
		return nil, err
	}
	f, ok := formatOf(file)
	if !ok {
		return nil, unread(file)
	}
	return f.guarded(file, d)
}

// guarded returns a panic of a decoder as an error: files are untrusted, and some decoders are of others.
func (f format) guarded(file []byte, d *decoding) (im *Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			im, err = nil, fmt.Errorf("%s: the decoder panicked: %v", f.name, r)
		}
	}()
	d.orientation = orientationOf(f.exif(file))
	if im, err = f.decode(file, d); err != nil {
		return nil, err
	}
	im.orientation, im.memory = d.orientation, d.memory
	return im, nil
}

type format struct {
	name    string
	decode  func(file []byte, d *decoding) (*Image, error)
	exif    func(file []byte) (tiff []byte) // nil where there is none
	profile func(file []byte) (icc []byte)  // nil where there is none
}

func formatOf(file []byte) (format, bool) {
	begins := func(magic string) bool { return bytes.HasPrefix(file, []byte(magic)) }
	none := func([]byte) []byte { return nil }
	switch {
	case begins("\xFF\xD8\xFF"):
		return format{"jpeg", decodeJPEG, exifOfJPEG, profileOfJPEG}, true
	case begins(pngMagic):
		return format{"png", decodePNG, exifOfPNG, profileOfPNG}, true
	case begins("GIF87a"), begins("GIF89a"):
		return format{"gif", decodeGIF, none, none}, true
	case begins("RIFF") && len(file) >= 12 && string(file[8:12]) == "WEBP":
		return format{"webp", decodeWebP, exifOfWebP, profileOfWebP}, true
	case isTIFF(file):
		return format{"tiff", decodeTIFF, none, profileOfTIFF}, true
	case isBMP(file):
		return format{"bmp", decodeBMP, none, none}, true
	}
	return format{}, false
}

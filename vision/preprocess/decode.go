package preprocess

import (
	"bytes"
	"fmt"
	"sync"

	"clipgo/internal/jpeg"
)

// Decode decodes an image file: JPEG, PNG, WebP or GIF, and of an animation the first frame. It recognizes the format by the first
// bytes, not by a name. The error is a *RefusedError if the file or the picture exceeds the limits; a truncated or damaged file
// is an error as well. It allocates no memory for pixels that the limits or the file's length rule out.
func Decode(file []byte, limits Limits) (*Image, error) {
	return decoding{Limits: limits}.decode(file)
}

// decoding holds the options of a decoder.
type decoding struct {
	Limits
	memory      *memory                                  // nil: new
	reduce      func(width, height, orientation int) int // divisor of a JPEG's sides; nil: 1
	orientation int                                      // of the file, once it is known
}

// memory is a picture's memory, which the next picture reuses.
type memory struct{ pixels, turned []uint8 }

var memories = sync.Pool{New: func() any { return new(memory) }}

func (d decoding) decode(file []byte) (im *Image, err error) {
	if err := d.checkBytes(len(file)); err != nil {
		return nil, err
	}
	f, ok := formatOf(file)
	if !ok {
		return nil, fmt.Errorf("not a JPEG, PNG, GIF or WebP file: it begins with %s", beginning(file))
	}
	defer func() {
		if r := recover(); r != nil { // third-party decoders, untrusted files
			im, err = nil, fmt.Errorf("%s: the decoder panicked: %v", f.name, r)
		}
	}()
	d.orientation = orientationOf(f.exif(file))
	im, err = f.decode(file, d)
	if err != nil {
		return nil, err
	}
	im.orientation, im.memory = d.orientation, d.memory
	return im, nil
}

type format struct {
	name   string
	decode func(file []byte, d decoding) (*Image, error)
	exif   func(file []byte) (tiff []byte) // nil where there is none
}

func formatOf(file []byte) (format, bool) {
	begins := func(magic string) bool { return bytes.HasPrefix(file, []byte(magic)) }
	switch {
	case begins("\xFF\xD8\xFF"):
		return format{"jpeg", decodeJPEG, exifOfJPEG}, true
	case begins(pngMagic):
		return format{"png", decodePNG, exifOfPNG}, true
	case begins("GIF87a"), begins("GIF89a"):
		return format{"gif", decodeGIF, func([]byte) []byte { return nil }}, true
	case begins("RIFF") && len(file) >= 12 && string(file[8:12]) == "WEBP":
		return format{"webp", decodeWebP, exifOfWebP}, true
	}
	return format{}, false
}

// channelModes are the modes of JPEG's numbers of channels.
var channelModes = [...]mode{1: grey, 3: rgb, 4: cmyk}

func decodeJPEG(file []byte, d decoding) (*Image, error) {
	width, height, err := jpeg.Size(file)
	if err != nil {
		return nil, err
	}
	if err := d.checkSize(width, height); err != nil {
		return nil, err
	}
	var o jpeg.Options
	if d.reduce != nil {
		o.Shrink = d.reduce(width, height, d.orientation)
	}
	if d.memory != nil {
		o.Memory = d.memory.pixels
	}
	p, err := o.Decode(file)
	if err != nil {
		return nil, err
	}
	if d.memory != nil {
		d.memory.pixels = p.Pix
	}
	im := newImage(p.Pix, channelModes[p.Channels], p.Width, p.Height)
	if p.Shrunk > 1 {
		im.reduced = reduced{width, height, p.Shrunk}
	}
	return im, nil
}

package preprocess

import (
	"encoding/binary"
	"image"
)

// Image is a decoded picture with the file's own kind of pixel, since a resize before the conversion to RGB depends on it. It is
// immutable, so several goroutines may use it.
type Image struct {
	raster              // as stored
	colors      []uint8 // [256, 3], of a palette image
	orientation int     // EXIF's, 1 to 8
	reduced     reduced
	memory      *memory // that the picture lies in; nil: its own
	transparent bool    // a pixel of the file is not opaque
	inks        bool    // the file is a JPEG of four inks
}

// FromRGB returns a picture of pix, [height, width, 3], without a copy.
func FromRGB(pix []uint8, width, height int) *Image {
	return newImage(pix, rgb, width, height)
}

// Opaque copies rgb, [height, width, 3], to an image of the standard library, for its encoders.
func Opaque(rgb []uint8, width, height int) *image.RGBA {
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(im.Pix[4*i:], rgb[3*i:3*i+3])
		im.Pix[4*i+3] = 255
	}
	return im
}

func newImage(pix []uint8, m mode, width, height int) *Image {
	return &Image{raster: tight(pix, m, width, height), orientation: 1, reduced: reduced{width, height, 1}}
}

// mode is the kind of a pixel, as Pillow's modes.
type mode uint8

const (
	grey      mode = iota // L
	greyAlpha             // LA
	rgb                   // RGB
	rgba                  // RGBA, not premultiplied
	cmyk                  // CMYK, 255 is all ink
	indexed               // P
	bilevel               // 1, a byte of 0 or 255
	grey16                // I;16, little-endian
)

// bytes is the size of a pixel.
func (m mode) bytes() int {
	switch m {
	case greyAlpha, grey16:
		return 2
	case rgb:
		return 3
	case rgba, cmyk:
		return 4
	}
	return 1
}

// raster is a rectangle of pixels; rows are stride bytes apart.
type raster struct {
	pix    []uint8
	mode   mode
	width  int
	height int
	stride int
}

func tight(pix []uint8, m mode, width, height int) raster {
	return raster{pix, m, width, height, width * m.bytes()}
}

func (r raster) row(y int) []uint8 {
	return r.pix[y*r.stride:][:r.width*r.mode.bytes()]
}

// part shares r's pixels.
func (r raster) part(x, y, width, height int) raster {
	r.pix = r.pix[y*r.stride+x*r.mode.bytes():]
	r.width, r.height = width, height
	return r
}

// copyInto copies r, which has dst's size and mode.
func (r raster) copyInto(dst raster) {
	for y := range r.height {
		copy(dst.row(y), r.row(y))
	}
}

// flat is the picture as 8-bit grey (if all channels would be equal) or RGB, without palette, alpha and CMYK.
func (im *Image) flat() raster {
	to := rgb
	switch im.mode {
	case grey, rgb:
		return im.raster
	case bilevel:
		r := im.raster
		r.mode = grey
		return r
	case greyAlpha, grey16:
		to = grey
	}
	out := tight(make([]uint8, im.width*im.height*to.bytes()), to, im.width, im.height)
	for y := range im.height {
		flatten(out.row(y), im.row(y), im.mode, im.colors)
	}
	return out
}

// inPlace is flat for a mode whose pixels are larger than flat ones. It overwrites the picture.
func (im *Image) inPlace() raster {
	to := rgb
	if flatBytes(im.mode, false) == 1 {
		to = grey
	}
	out := tight(im.pix[:im.width*im.height*to.bytes()], to, im.width, im.height)
	for y := range im.height {
		flatten(out.row(y), im.row(y), im.mode, nil)
	}
	return out
}

// flatten converts pixels of mode m to grey or RGB, as flat says, the way Pillow's convert("RGB") does. dst may be the same memory as
// src, or before it, if its pixels are not larger.
func flatten(dst, src []uint8, m mode, colors []uint8) {
	switch m {
	case grey, rgb, bilevel:
		copy(dst, src)
	case greyAlpha:
		for i := range dst {
			dst[i] = src[2*i]
		}
	case grey16:
		for i := range dst {
			dst[i] = uint8(min(binary.LittleEndian.Uint16(src[2*i:]), 255)) // saturates, as Pillow
		}
	case rgba:
		for i := range len(src) / 4 {
			copy(dst[3*i:3*i+3], src[4*i:])
		}
	case cmyk:
		for i := range len(src) / 4 {
			inkToRGB(dst[3*i:3*i+3], src[4*i:4*i+4])
		}
	case indexed:
		for i, c := range src {
			copy(dst[3*i:3*i+3], colors[3*int(c):])
		}
	}
}

func inkToRGB(dst, src []uint8) {
	light := 255 - src[3]
	for c := range dst {
		dst[c] = light - mul255(src[c], light)
	}
}

// mul255 is a*b/255, rounded.
func mul255(a, b uint8) uint8 {
	t := uint32(a)*uint32(b) + 128
	return uint8((t + t>>8) >> 8) // Pillow's MULDIV255
}

// spread turns the grey pixels at the front of dst into RGB in place, starting with the last one.
func spread(dst []uint8) {
	for i := len(dst)/3 - 1; i >= 0; i-- {
		v := dst[i]
		dst[3*i], dst[3*i+1], dst[3*i+2] = v, v, v
	}
}

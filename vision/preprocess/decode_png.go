package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngHeader is the IHDR chunk. The image types of image/png don't distinguish all of its color types.
type pngHeader struct {
	width, height int
	depth         int // bits a sample
	color         pngColor
}

type pngColor uint8

const (
	pngGrey      pngColor = 0
	pngRGB       pngColor = 2
	pngPalette   pngColor = 3
	pngGreyAlpha pngColor = 4
	pngRGBA      pngColor = 6
)

// deflateRatio is the maximal number of bytes to which deflate expands one byte.
const deflateRatio = 1032

func readPNGHeader(file []byte) (h pngHeader, err error) {
	const at = len(pngMagic)
	if len(file) < at+8+13 || string(file[at+4:at+8]) != "IHDR" {
		return h, errors.New("png: no header")
	}
	body := file[at+8:]
	width, height := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if width > 1<<31-1 || height > 1<<31-1 {
		return h, errors.New("png: a side of 2^31 pixels or more")
	}
	return pngHeader{int(width), int(height), int(body[8]), pngColor(body[9])}, nil
}

// bits is the size of a stored pixel.
func (h pngHeader) bits() int {
	samples := map[pngColor]int{pngRGB: 3, pngGreyAlpha: 2, pngRGBA: 4}[h.color]
	return max(samples, 1) * h.depth
}

func decodePNG(file []byte, d decoding) (*Image, error) {
	h, err := readPNGHeader(file)
	if err != nil {
		return nil, err
	}
	if err := d.checkSize(h.width, h.height); err != nil {
		return nil, err
	}
	if h.width*h.height/8*h.bits()/deflateRatio > len(file) {
		return nil, fmt.Errorf("png: %d bytes can't hold %d x %d pixels: the file is truncated", len(file), h.width, h.height)
	}
	im, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	if p, ok := im.(*image.Paletted); ok {
		return fromPaletted(p), nil
	}
	s, err := samplesOf(im)
	if err != nil {
		return nil, fmt.Errorf("png: %w", err)
	}
	return h.pick(s), nil
}

// pick returns the picture in Pillow's mode for the file. A transparent colour (not a channel) is ignored, and of 16-bit samples only the
// high byte is kept, except in grey.
func (h pngHeader) pick(s samples) *Image {
	switch {
	case h.color == pngGrey && h.depth == 16:
		return s.deep(h.width, h.height)
	case h.color == pngGrey && h.depth == 1:
		return s.image(bilevel, h.width, h.height, 0)
	case h.color == pngGrey:
		return s.image(grey, h.width, h.height, 0)
	case h.color == pngGreyAlpha && h.depth == 16:
		return s.image(rgba, h.width, h.height, 0, 0, 0, 3)
	case h.color == pngGreyAlpha:
		return s.image(greyAlpha, h.width, h.height, 0, 3)
	case h.color == pngRGB:
		return s.image(rgb, h.width, h.height, 0, 1, 2)
	}
	return s.image(rgba, h.width, h.height, 0, 1, 2, 3)
}

// samples is the pixel memory of an image of the standard library.
type samples struct {
	pix    []uint8
	stride int // bytes of a row
	step   int // bytes of a pixel
	size   int // bytes of a sample: 1, or 2 in big-endian order
}

func samplesOf(im image.Image) (samples, error) {
	switch im := im.(type) {
	case *image.Gray:
		return samples{im.Pix, im.Stride, 1, 1}, nil
	case *image.Gray16:
		return samples{im.Pix, im.Stride, 2, 2}, nil
	case *image.RGBA: // these have no alpha below 255
		return samples{im.Pix, im.Stride, 4, 1}, nil
	case *image.NRGBA:
		return samples{im.Pix, im.Stride, 4, 1}, nil
	case *image.RGBA64:
		return samples{im.Pix, im.Stride, 8, 2}, nil
	case *image.NRGBA64:
		return samples{im.Pix, im.Stride, 8, 2}, nil
	}
	return samples{}, fmt.Errorf("pixels of type %T are not supported", im)
}

// image copies some channels, 8 bits of each.
func (s samples) image(m mode, width, height int, channels ...int) *Image {
	out := newImage(make([]uint8, width*height*m.bytes()), m, width, height)
	for y := range height {
		row, in := out.row(y), s.pix[y*s.stride:]
		for c, from := range channels {
			at := from * s.size
			for i := c; i < len(row); i += len(channels) {
				row[i] = in[at]
				at += s.step
			}
		}
	}
	return out
}

// deep copies the first channel's 16 bits.
func (s samples) deep(width, height int) *Image {
	out := newImage(make([]uint8, width*height*grey16.bytes()), grey16, width, height)
	for y := range height {
		row, in := out.row(y), s.pix[y*s.stride:]
		for x := range width {
			row[2*x], row[2*x+1] = in[x*s.step+1], in[x*s.step]
		}
	}
	return out
}

// fromPaletted keeps the indices. Colours beyond the palette are black.
func fromPaletted(p *image.Paletted) *Image {
	width, height := p.Rect.Dx(), p.Rect.Dy()
	out := newImage(make([]uint8, width*height), indexed, width, height)
	for y := range height {
		copy(out.row(y), p.Pix[y*p.Stride:])
	}
	out.colors = make([]uint8, 256*3)
	for i, c := range p.Palette {
		straight(out.colors[3*i:3*i+3], c)
	}
	return out
}

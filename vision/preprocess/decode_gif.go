package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"slices"
)

// lzwRatio is the maximal number of pixels for a byte of a GIF: a code has up to 12 bits, a string less than 4096 pixels.
const lzwRatio = 4096 * 8 / 12

// gifHeader holds the data of a GIF before its first frame's pixels.
type gifHeader struct {
	width, height int // of the canvas
	frame         image.Rectangle
	colors        []uint8 // [N, 3]
	transparent   int     // index; -1 if there is none
}

// decodeGIF decodes the first frame into a canvas of indices, as Pillow does. image/gif blanks the transparent colour, so
// the palette is read here.
func decodeGIF(file []byte, d *decoding) (*Image, error) {
	if len(file) < 13 {
		return nil, errGIF
	}
	h := newGIF(file)
	if err := d.checkSize(h.width, h.height); err != nil {
		return nil, err
	}
	if err := h.read(file); err != nil {
		return nil, err
	}
	if h.frame.Dx()*h.frame.Dy()/lzwRatio > len(file) {
		return nil, fmt.Errorf("gif: %d bytes can't hold %v pixels: the file is truncated", len(file), h.frame.Size())
	}
	d.reserve(h.frame.Dx()*h.frame.Dy() + h.width*h.height*d.pixelBytes(indexed))
	im, err := gif.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	p, ok := im.(*image.Paletted)
	if !ok || p.Rect != h.frame {
		return nil, errors.New("gif: another frame came out than the header says")
	}
	return h.draw(d, p), nil
}

// newGIF reads the size of the canvas; the file has at least 13 bytes.
func newGIF(file []byte) gifHeader {
	return gifHeader{width: int(binary.LittleEndian.Uint16(file[6:])), height: int(binary.LittleEndian.Uint16(file[8:])), transparent: -1}
}

// draw puts the frame on the canvas, which Pillow fills with the transparent colour, or the first one.
func (h *gifHeader) draw(d *decoding, p *image.Paletted) *Image {
	colors, alphas, m := make([]uint8, 256*3), []uint8(nil), indexed
	copy(colors, h.colors)
	if h.transparent >= 0 {
		alphas = slices.Repeat([]uint8{255}, 256)
		alphas[h.transparent] = 0
	}
	if greyRamp(h.colors) && (alphas == nil || d.background == nil) {
		m = grey
	}
	out := d.canvas(m, h.width, h.height, colors, alphas)
	line := make([]uint8, h.width)
	for y := range h.height {
		for x := range line {
			line[x] = uint8(max(h.transparent, 0))
		}
		if y >= p.Rect.Min.Y && y < p.Rect.Max.Y {
			copy(line[p.Rect.Min.X:], p.Pix[(y-p.Rect.Min.Y)*p.Stride:][:p.Rect.Dx()])
		}
		out.row(y, line)
	}
	return out.im
}

// greyRamp reports whether a palette maps each index to itself, which Pillow reads as grey.
func greyRamp(colors []uint8) bool {
	for i, v := range colors {
		if int(v) != i/3 {
			return false
		}
	}
	return true
}

var errGIF = errors.New("gif: truncated before the first frame")

// The blocks and flags of GIF89a that matter here.
const (
	gifExtension, gifFrame, gifControl = 0x21, 0x2C, 0xF9
	gifHasPalette, gifIsTransparent    = 0x80, 0x01
)

// read reads the blocks up to the first frame.
func (h *gifHeader) read(file []byte) error {
	r := gifReader{rest: file[13:]}
	h.colors = r.palette(file[10])
	for {
		switch kind := r.take(1); kind[0] {
		case gifExtension:
			label := r.take(1)[0]
			block := r.block()
			if label == gifControl && len(block) >= 4 && block[0]&gifIsTransparent != 0 {
				h.transparent = int(block[3])
			}
			for len(block) > 0 {
				block = r.block()
			}
		case gifFrame:
			d := r.take(9)
			at := func(i int) int { return int(binary.LittleEndian.Uint16(d[i:])) }
			h.frame = image.Rect(at(0), at(2), at(0)+at(4), at(2)+at(6))
			if local := r.palette(d[8]); local != nil {
				h.colors = local
			}
			if r.short {
				return errGIF
			}
			return nil
		default:
			return errGIF
		}
		if r.short {
			return errGIF
		}
	}
}

// gifReader returns zeros beyond the end, and records that it did.
type gifReader struct {
	rest  []byte
	short bool
}

func (r *gifReader) take(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return make([]byte, n)
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

// block is a data sub-block; an empty one ends its chain.
func (r *gifReader) block() []byte { return r.take(int(r.take(1)[0])) }

func (r *gifReader) palette(flags byte) []byte {
	if flags&gifHasPalette == 0 {
		return nil
	}
	return r.take(3 << (flags&7 + 1))
}

package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"iter"

	"golang.org/x/image/webp"
)

// riffChunk is a chunk of a WebP file; not whole if the file ends in it.
type riffChunk struct {
	body  []byte
	whole bool
}

// riffChunks iterates over the chunks of a WebP file by their names, without those inside of animation frames.
func riffChunks(file []byte) iter.Seq2[string, riffChunk] {
	return func(yield func(string, riffChunk) bool) {
		for rest := file[min(12, len(file)):]; len(rest) >= 8; {
			size := int64(binary.LittleEndian.Uint32(rest[4:]))
			body := rest[8:min(8+size, int64(len(rest)))]
			if !yield(string(rest[:4]), riffChunk{body, size == int64(len(body))}) {
				return
			}
			rest = rest[min(8+size+size&1, int64(len(rest))):]
		}
	}
}

// webpHeader holds the header of a WebP file.
type webpHeader struct {
	width, height int
	alpha         bool
	lossless      bool
	canvas        [2]int // the container's size; zeros if there is none
}

const webpHasAlpha, webpIsAnimated = 0x10, 0x02

var errWebP = errors.New("webp: no picture before the file ends, or a damaged header")

// readWebPHeader requires that all sizes in a file agree, and that the picture's chunks are whole: x/image/webp allocates by the first size
// that it reads.
func readWebPHeader(file []byte) (h webpHeader, err error) {
	for kind, chunk := range riffChunks(file) {
		switch kind {
		case "VP8X":
			if err := h.readContainer(chunk.body); err != nil {
				return h, err
			}
		case "ALPH":
			h.alpha = true
			if !chunk.whole {
				return h, errWebP
			}
		case "VP8 ", "VP8L":
			if !chunk.whole || !h.readData(kind, chunk.body) {
				return h, errWebP
			}
			if h.canvas != [2]int{} && h.canvas != [2]int{h.width, h.height} {
				return h, fmt.Errorf("webp: a picture of %d x %d in a canvas of %v pixels", h.width, h.height, h.canvas)
			}
			return h, nil
		}
	}
	return h, errWebP
}

func (h *webpHeader) readContainer(body []byte) error {
	if len(body) != 10 || h.canvas != [2]int{} {
		return errWebP
	}
	if body[0]&webpIsAnimated != 0 {
		return errors.New("webp: an animation inside of an animation")
	}
	h.alpha, h.canvas = body[0]&webpHasAlpha != 0, [2]int{1 + uint24(body[4:]), 1 + uint24(body[7:])}
	return nil
}

func (h *webpHeader) readData(kind string, body []byte) bool {
	switch {
	case kind == "VP8 " && len(body) >= 10:
		h.width, h.height = int(binary.LittleEndian.Uint16(body[6:])&0x3FFF), int(binary.LittleEndian.Uint16(body[8:])&0x3FFF)
		return true
	case kind == "VP8L" && len(body) >= 5:
		bits := binary.LittleEndian.Uint32(body[1:])
		h.width, h.height = int(bits&0x3FFF)+1, int(bits>>14&0x3FFF)+1
		h.alpha, h.lossless = bits>>28&1 != 0, true
		return true
	}
	return false
}

// decodeWebP decodes lossless files exactly, and lossy ones with libwebp's upsampling and colour conversion. x/image/webp leaves both to
// image/color, which assumes full-range YCbCr where WebP has the narrow range. Of an animation it decodes the first frame.
func decodeWebP(file []byte, d *decoding) (*Image, error) {
	file, frame, err := firstFrame(file)
	if err != nil {
		return nil, err
	}
	h, err := readWebPHeader(file)
	if err != nil {
		return nil, err
	}
	width, height, m := h.width, h.height, rgb
	if frame.canvas != [2]int{} {
		width, height = frame.canvas[0], frame.canvas[1]
	}
	if err := d.checkSize(max(width, h.width), max(height, h.height)); err != nil {
		return nil, err
	}
	if frame.x+h.width > width || frame.y+h.height > height {
		return nil, errWebP
	}
	if h.alpha || frame.alpha {
		m = rgba
	}
	d.reserve(h.width*h.height*h.planes() + width*height*d.pixelBytes(m))
	im, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("webp: %w", err)
	}
	if im.Bounds() != image.Rect(0, 0, h.width, h.height) {
		return nil, fmt.Errorf("webp: %v pixels came out, the header says %d x %d", im.Bounds().Size(), h.width, h.height)
	}
	out := webpCanvas{d.canvas(m, width, height, nil, nil), frame, nil}
	out.line = make([]uint8, width*m.bytes())
	switch im := im.(type) {
	case *image.NRGBA:
		fromLossless(out, im, h.alpha)
	case *image.YCbCr:
		fromVideo(out, im, nil, 0)
	case *image.NYCbCrA:
		fromVideo(out, &im.YCbCr, im.A, im.AStride)
	default:
		return nil, fmt.Errorf("webp: pixels of type %T are not supported", im)
	}
	return out.im, nil
}

// webpCanvas is a canvas that a frame may cover only in part. The rest is transparent black.
type webpCanvas struct {
	*canvas
	frame webpFrame
	line  []uint8
}

// rows calls fill for each row of a frame, which fills its pixels, and draws the row.
func (c webpCanvas) rows(width, height int, fill func(y int, row []uint8)) {
	n := c.from.bytes()
	for y := range c.im.height {
		clear(c.line)
		if in := y - c.frame.y; in >= 0 && in < height {
			fill(in, c.line[c.frame.x*n:][:width*n])
		}
		c.row(y, c.line)
	}
}

// planes is the number of bytes that x/image/webp takes for a pixel at most: a lossless picture and its transform, or planes of a lossy one
// and of its alpha, which is a lossless picture too.
func (h webpHeader) planes() int {
	const lossless, lossy, alpha = 8, 2, 9
	switch {
	case h.lossless:
		return lossless
	case h.alpha:
		return lossy + alpha
	}
	return lossy
}

// fromLossless draws a lossless picture, whose alpha means nothing if the header says so.
func fromLossless(out webpCanvas, im *image.NRGBA, alpha bool) {
	width := im.Rect.Dx()
	out.rows(width, im.Rect.Dy(), func(y int, row []uint8) {
		from := im.Pix[y*im.Stride:][:4*width]
		if out.from == rgb {
			flatten(row, from, rgba, nil)
			return
		}
		copy(row, from)
		for i := 3; !alpha && i < len(row); i += 4 {
			row[i] = 255
		}
	})
}

package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngHeader is what a PNG file says before its pixels.
type pngHeader struct {
	width, height int
	depth         int // bits a sample
	color         pngColor
	interlaced    bool
	colors        []uint8 // [256, 3], of a palette
	alphas        []uint8 // [256], of a palette with transparency
	key           []uint8 // the samples of the transparent colour, 16 bits each; nil: none
}

type pngColor uint8

const (
	pngGrey      pngColor = 0
	pngRGB       pngColor = 2
	pngPalette   pngColor = 3
	pngGreyAlpha pngColor = 4
	pngRGBA      pngColor = 6
)

// pngDepths are the bits a sample that a kind of pixel may have.
var pngDepths = map[pngColor][]int{pngGrey: {1, 2, 4, 8, 16}, pngRGB: {8, 16}, pngPalette: {1, 2, 4, 8}, pngGreyAlpha: {8, 16},
	pngRGBA: {8, 16}}

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
	h = pngHeader{width: int(width), height: int(height), depth: int(body[8]), color: pngColor(body[9]), interlaced: body[12] != 0}
	if !slices.Contains(pngDepths[h.color], h.depth) {
		return h, fmt.Errorf("png: unsupported: pixels of type %d with %d bits a sample", h.color, h.depth)
	}
	if body[10] != 0 || body[11] != 0 {
		return h, errors.New("png: unsupported: an unknown compression or filter method")
	}
	return h, nil
}

// samples is the number of samples of a stored pixel.
func (h *pngHeader) samples() int {
	switch h.color {
	case pngRGB:
		return 3
	case pngGreyAlpha:
		return 2
	case pngRGBA:
		return 4
	}
	return 1
}

// bits is the size of a stored pixel.
func (h *pngHeader) bits() int { return h.samples() * h.depth }

// mode is Pillow's mode for the file, where a transparent colour is no channel.
func (h *pngHeader) mode() mode {
	switch {
	case h.color == pngPalette:
		return indexed
	case h.color == pngGrey && h.depth == 16:
		return grey16
	case h.color == pngGrey && h.depth == 1:
		return bilevel
	case h.color == pngGrey:
		return grey
	case h.color == pngGreyAlpha && h.depth == 8:
		return greyAlpha
	case h.color == pngRGB:
		return rgb
	}
	return rgba
}

var errPNGEnds = errors.New("png: truncated: the file ends before the pixels")

// readChunks reads the chunks up to the pixels and returns the file from the first chunk of pixels on. Each has to match its checksum, as
// in Pillow.
func (h *pngHeader) readChunks(file []byte) (pixels []byte, err error) {
	for rest := file[len(pngMagic):]; len(rest) >= 8; {
		kind, size := string(rest[4:8]), int64(binary.BigEndian.Uint32(rest))
		if kind == "IDAT" {
			return rest, nil
		}
		if size+12 > int64(len(rest)) {
			return nil, errPNGEnds
		}
		body := rest[8 : 8+size]
		if crc32.ChecksumIEEE(rest[4:8+size]) != binary.BigEndian.Uint32(rest[8+size:]) {
			return nil, fmt.Errorf("png: corrupt: the checksum of chunk %q is wrong", kind)
		}
		if err := h.readChunk(kind, body); err != nil {
			return nil, err
		}
		rest = rest[size+12:]
	}
	return nil, errPNGEnds
}

func (h *pngHeader) readChunk(kind string, body []byte) error {
	switch {
	case kind == "IEND":
		return errors.New("png: corrupt: no pixels before the end")
	case kind == "PLTE" && h.color == pngPalette:
		if len(body)%3 != 0 || len(body) > 256*3 {
			return fmt.Errorf("png: corrupt: a palette of %d bytes", len(body))
		}
		h.colors = make([]uint8, 256*3) // colours beyond the palette are black
		copy(h.colors, body)
	case kind == "tRNS" && h.color == pngPalette:
		h.alphas = slices.Repeat([]uint8{255}, 256)
		copy(h.alphas, body)
	case kind == "tRNS" && len(body) >= 2*h.samples() && (h.color == pngGrey || h.color == pngRGB):
		h.key = body[:2*h.samples()]
	}
	return nil
}

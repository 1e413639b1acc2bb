package preprocess

import (
	"errors"
	"fmt"
)

// decodePNG decodes row by row, so that 16-bit samples and interlaced files take no more memory than others.
func decodePNG(file []byte, d *decoding) (*Image, error) {
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
	pixels, err := h.readChunks(file)
	if err != nil {
		return nil, err
	}
	m := h.mode()
	if m == indexed && h.colors == nil {
		return nil, errors.New("png: corrupt: no palette before the pixels")
	}
	if h.key != nil && d.background != nil {
		m = withAlpha(m)
	}
	d.reserve(h.width*h.height*d.pixelBytes(m) + 32*h.width)
	to := d.canvas(m, h.width, h.height, h.colors, h.alphas)
	if err := h.read(pixels, to); err != nil {
		return nil, err
	}
	return to.im, nil
}

// withAlpha is the mode of pixels of which some are transparent.
func withAlpha(m mode) mode {
	if m == rgb {
		return rgba
	}
	return greyAlpha
}

// convert makes a row of the canvas's mode of a stored one: of 16-bit samples the high byte is kept, except in grey. The row is valid until
// the next call.
func (r *pngRows) convert(cur []uint8, width int, to *canvas) []uint8 {
	line := cur
	switch {
	case r.depth < 8:
		line = r.unpack(cur, width)
	case r.depth == 16 && r.color == pngGrey:
		line = r.line[:2*width]
		for i := 0; i < len(line); i += 2 {
			line[i], line[i+1] = cur[i+1], cur[i]
		}
	case r.depth == 16 && r.color == pngGreyAlpha:
		line = r.line[:4*width]
		for i := 0; i < len(line); i += 4 {
			line[i], line[i+1], line[i+2], line[i+3] = cur[i], cur[i], cur[i], cur[i+2]
		}
	case r.depth == 16:
		line = r.line[:width*r.samples()]
		for i := range line {
			line[i] = cur[2*i]
		}
	}
	if r.key != nil {
		return r.keyed(line, cur, width, to)
	}
	return line
}

// unpack spreads samples of 1, 2 or 4 bits. Grey is scaled to 255, indices stay.
func (r *pngRows) unpack(cur []uint8, width int) []uint8 {
	line := r.line[:width]
	scale, mask := uint8(1), uint8(1)<<r.depth-1
	if r.color == pngGrey {
		scale = 255 / mask
	}
	perByte := 8 / r.depth
	for x := range line {
		shift := 8 - r.depth*(1+x%perByte)
		line[x] = cur[x/perByte] >> shift & mask * scale
	}
	return line
}

// keyed gives a row the alpha of its transparent colour, if the canvas needs it.
func (r *pngRows) keyed(line, cur []uint8, width int, to *canvas) []uint8 {
	samples := r.samples()
	n := len(line) / width
	for x := range width {
		alpha := uint8(255)
		if r.isKey(cur, x) {
			alpha, to.im.transparent = 0, true
		}
		if to.back == nil {
			continue
		}
		out := r.alpha[x*(samples+1):][:samples+1]
		if r.mode() == grey16 {
			flatten(out[:1], line[x*n:x*n+n], grey16, nil)
		} else {
			copy(out, line[x*n:x*n+n])
		}
		out[samples] = alpha
	}
	if to.back == nil {
		return line
	}
	return r.alpha[:width*(samples+1)]
}

// isKey reports whether the stored pixel x has the transparent colour.
func (r *pngRows) isKey(cur []uint8, x int) bool {
	for s := range r.samples() {
		high, low := r.key[2*s], r.key[2*s+1]
		switch at := x*r.samples() + s; r.depth {
		case 16:
			if cur[2*at] != high || cur[2*at+1] != low {
				return false
			}
		case 8:
			if cur[at] != low {
				return false
			}
		default:
			perByte := 8 / r.depth
			if cur[at/perByte]>>(8-r.depth*(1+at%perByte))&(1<<r.depth-1) != low {
				return false
			}
		}
	}
	return true
}

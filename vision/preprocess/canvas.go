package preprocess

// canvas makes a picture of the rows that a decoder delivers: in the file's own mode, or flat, so that a picture never exists in both.
type canvas struct {
	im     *Image
	from   mode    // of the rows
	colors []uint8 // [256, 3], of indexed rows
	alphas []uint8 // [256], of indexed rows; nil: opaque
	flat   bool
	back   *[3]uint8 // what transparent pixels are drawn on; nil: their alpha is dropped
	line   []uint8   // a row before it is distributed over its pixels
}

// flatBytes is the size of a flat pixel.
func flatBytes(m mode, back bool) int {
	switch {
	case m == grey || m == bilevel || m == grey16 || m == greyAlpha && !back:
		return 1
	}
	return 3
}

// pixelBytes is the size of a pixel on the canvas for rows of mode m.
func (d *decoding) pixelBytes(m mode) int {
	if d.flat || d.background != nil && (m == greyAlpha || m == rgba || m == indexed) {
		return flatBytes(m, d.background != nil)
	}
	return m.bytes()
}

// canvas is empty: the decoder has to deliver every pixel.
func (d *decoding) canvas(m mode, width, height int, colors, alphas []uint8) *canvas {
	c := &canvas{from: m, colors: colors, alphas: alphas, flat: d.flat}
	if m == greyAlpha || m == rgba || m == indexed && alphas != nil {
		c.back = d.background
		c.flat = c.flat || c.back != nil
	}
	to := m
	if c.flat {
		to = rgb
		if flatBytes(m, c.back != nil) == 1 {
			to = grey
		}
	}
	c.im = newImage(d.pixels(width*height*to.bytes()), to, width, height)
	if to == indexed {
		c.im.colors = colors
	}
	return c
}

// pixels returns n bytes with unspecified values.
func (d *decoding) pixels(n int) []uint8 {
	if d.memory == nil {
		return make([]uint8, n)
	}
	d.memory.pixels = grow(d.memory.pixels, n)
	return d.memory.pixels
}

// row sets row y.
func (c *canvas) row(y int, line []uint8) {
	c.look(line)
	c.draw(c.im.row(y), line)
}

// spaced sets every step-th pixel of row y, from x on.
func (c *canvas) spaced(y, x, step int, line []uint8) {
	c.look(line)
	n := c.im.mode.bytes()
	pixels := len(line) / c.from.bytes()
	c.line = grow(c.line, pixels*n)
	c.draw(c.line, line)
	row := c.im.row(y)[x*n:]
	for i := range pixels {
		copy(row[i*step*n:][:n], c.line[i*n:][:n])
	}
}

func (c *canvas) draw(dst, line []uint8) {
	switch {
	case !c.flat:
		copy(dst, line)
	case c.back != nil:
		c.blend(dst, line)
	default:
		flatten(dst, line, c.from, c.colors)
	}
}

// blend draws pixels on the background, as Pillow's paste with a mask does.
func (c *canvas) blend(dst, line []uint8) {
	n := c.from.bytes()
	for i := range len(line) / n {
		px, out := line[i*n:][:n], dst[3*i:][:3]
		alpha := px[n-1]
		switch c.from {
		case greyAlpha:
			out[0], out[1], out[2] = px[0], px[0], px[0]
		case indexed:
			copy(out, c.colors[3*int(px[0]):])
			alpha = c.alphas[px[0]]
		default:
			copy(out, px)
		}
		for j, v := range out {
			out[j] = over(v, c.back[j], alpha)
		}
	}
}

// over is v on top of back, rounded as Pillow's BLEND.
func over(v, back, alpha uint8) uint8 {
	t := uint32(v)*uint32(alpha) + uint32(back)*uint32(255-alpha) + 128
	return uint8((t + t>>8) >> 8)
}

// look notes whether a pixel is not opaque. It stops looking after the first one.
func (c *canvas) look(line []uint8) {
	if c.im.transparent {
		return
	}
	switch n := c.from.bytes(); {
	case c.from == greyAlpha || c.from == rgba:
		all := uint8(255)
		for i := n - 1; i < len(line); i += n {
			all &= line[i]
		}
		c.im.transparent = all != 255
	case c.alphas != nil:
		for _, v := range line {
			if c.alphas[v] != 255 {
				c.im.transparent = true
				return
			}
		}
	}
}

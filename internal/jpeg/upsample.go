//go:build !turbojpeg || !cgo

package jpeg

import "image"

// chroma returns the rows of a chroma plane at full size, with libjpeg's default ("fancy") upsampling: a triangle filter if the plane has
// half the width, or half the width and height; repetition otherwise.
type chroma struct {
	plane         []uint8
	stride        int
	width, height int // of the plane's valid part
	h, v          int // full size over plane size
	sums          []int
	out           []uint8
}

func newChroma(plane []uint8, im *image.YCbCr, p *Picture) *chroma {
	c := &chroma{plane: plane, stride: im.CStride}
	c.h, c.v = ratio(im.SubsampleRatio)
	c.width, c.height = ceilDiv(p.Width, c.h), ceilDiv(p.Height, c.v)
	c.sums = make([]int, c.width)
	c.out = make([]uint8, c.width*c.h)
	return c
}

func ratio(s image.YCbCrSubsampleRatio) (h, v int) {
	switch s {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// row is the row y at full size, valid until the next call.
func (c *chroma) row(y int) []uint8 {
	near := c.line(y / c.v)
	far := near
	if c.v == 2 {
		far = c.line(y/2 + 2*(y%2) - 1)
	}
	switch {
	case c.h == 1 && c.v == 1:
		return near
	case c.h == 2 && c.v == 1 && c.width > 2:
		c.widen(near)
	case c.h == 2 && c.v == 2 && c.width > 2:
		c.blend(near, far)
		c.widenSums()
	case c.h == 1 && c.v == 2:
		c.tall(near, far, y%2)
	default:
		c.repeat(near)
	}
	return c.out
}

// line is a row of the plane; the first and the last row repeat beyond the edges.
func (c *chroma) line(y int) []uint8 {
	y = min(max(y, 0), c.height-1)
	return c.plane[y*c.stride:][:c.width]
}

func (c *chroma) repeat(in []uint8) {
	for x := range c.out {
		c.out[x] = in[x/c.h]
	}
}

// tall is jdsample.c's h1v2: 3/4 near, 1/4 far, rounding alternately.
func (c *chroma) tall(near, far []uint8, odd int) {
	for x := range c.out {
		c.out[x] = uint8((3*int(near[x]) + int(far[x]) + 1 + odd) >> 2)
	}
}

// widen is jdsample.c's h2v1: 3/4 of the nearer sample, 1/4 of the farther, rounding alternately.
func (c *chroma) widen(in []uint8) {
	last := len(in) - 1
	for x, s := range in {
		left, right := in[max(x-1, 0)], in[min(x+1, last)]
		c.out[2*x] = uint8((3*int(s) + int(left) + 1) >> 2)
		c.out[2*x+1] = uint8((3*int(s) + int(right) + 2) >> 2)
	}
}

// blend and widenSums are jdsample.c's h2v2: the triangle down, then across, rounded once.
func (c *chroma) blend(near, far []uint8) {
	far = far[:len(near)]
	for x, s := range near {
		c.sums[x] = 3*int(s) + int(far[x])
	}
}

func (c *chroma) widenSums() {
	last := len(c.sums) - 1
	for x, s := range c.sums {
		left, right := c.sums[max(x-1, 0)], c.sums[min(x+1, last)]
		c.out[2*x] = uint8((3*s + left + 8) >> 4)
		c.out[2*x+1] = uint8((3*s + right + 7) >> 4)
	}
}

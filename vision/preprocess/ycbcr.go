package preprocess

import "image"

// fromVideo draws a lossy WebP's planes, bit for bit as libwebp does by default: chroma is interpolated in both directions ("fancy
// upsampling"), and colours are narrow-range BT.601. Without a plane of alpha the picture is opaque.
func fromVideo(out webpCanvas, v *image.YCbCr, alpha []uint8, alphaStride int) {
	width, height, n := v.Rect.Dx(), v.Rect.Dy(), out.from.bytes()
	c := chroma{u: v.Cb, v: v.Cr, stride: v.CStride, width: (width + 1) / 2, height: (height + 1) / 2}
	line := make([]uvSum, width)
	out.rows(width, height, func(y int, row []uint8) {
		c.line(line, y)
		luma := v.Y[y*v.YStride:]
		for x, uv := range line {
			videoToRGB(row[n*x:n*x+3], int32(luma[x]), uv.u, uv.v)
		}
		for x := 0; n == 4 && x < width; x++ {
			row[4*x+3] = 255
			if alpha != nil {
				row[4*x+3] = alpha[y*alphaStride+x]
			}
		}
	})
}

// uvSum is a pair of chroma values, or of sums of them.
type uvSum struct{ u, v int32 }

func (a uvSum) plus(b uvSum, times int32) uvSum { return uvSum{a.u + times*b.u, a.v + times*b.v} }
func (a uvSum) shifted(bits int) uvSum          { return uvSum{a.u >> bits, a.v >> bits} }

// chroma is a pair of planes with half the width and height.
type chroma struct {
	u, v          []uint8
	stride        int
	width, height int
}

func (c chroma) at(x, y int) uvSum {
	i := y*c.stride + x
	return uvSum{int32(c.u[i]), int32(c.v[i])}
}

// line interpolates line y of the full size: the weights are 9/16 for the nearest sample, 3/16 for each of the two neighbours on the
// pixel's side and 1/16 for the diagonal one, rounded in libwebp's order. Samples beyond an edge repeat the edge.
func (c chroma) line(dst []uvSum, y int) {
	near := y / 2
	far := min(max(near+2*(y%2)-1, 0), c.height-1)
	for x := range dst {
		a, b := c.at(x/2, near), c.at(x/2, far)
		side := x/2 + 2*(x%2) - 1
		if side < 0 || side >= c.width {
			dst[x] = a.plus(a, 2).plus(b, 1).plus(uvSum{2, 2}, 1).shifted(2)
			continue
		}
		beside, diagonal := c.at(side, near), c.at(side, far)
		sum := a.plus(b, 1).plus(beside, 1).plus(diagonal, 1).plus(uvSum{8, 8}, 1)
		cross := sum.plus(b, 2).plus(beside, 2).shifted(3)
		dst[x] = cross.plus(a, 1).shifted(1)
	}
}

func videoToRGB(dst []uint8, y, u, v int32) {
	light := y * 19077 >> 8
	dst[0] = clipVideo(light + v*26149>>8 - 14234)
	dst[1] = clipVideo(light - u*6419>>8 - v*13320>>8 + 8708)
	dst[2] = clipVideo(light + u*33050>>8 - 17685)
}

// clipVideo brings a value with 6 fractional bits to 8 bits.
func clipVideo(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

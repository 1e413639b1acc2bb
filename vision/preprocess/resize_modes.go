package preprocess

import (
	"encoding/binary"
	"math"
)

// nearest takes the pixel under each output's centre. Positions are accumulated by addition, as Pillow does.
func (s scaling) nearest(dst, src raster, m *scratch) {
	m.index = grow(m.index, dst.width+dst.height)
	columns, rows := m.index[:dst.width], m.index[dst.width:]
	positions(columns, line{src.width, s.width, s.box[0], s.box[2], s.x, dst.width})
	positions(rows, line{src.height, s.height, s.box[1], s.box[3], s.y, dst.height})
	n := src.mode.bytes()
	for y := range dst.height {
		out, in := dst.row(y), src.row(rows[y])
		for x, column := range columns {
			copy(out[x*n:x*n+n], in[column*n:])
		}
	}
}

func positions(index []int, l line) {
	scale := float64(l.hi-l.lo) / float64(l.out)
	at := float64(l.lo) + float64(scale*0.5)
	for range l.from {
		at += scale
	}
	for i := range index {
		index[i] = min(int(at), l.in-1)
		at += scale
	}
}

// premultiplied is src with its colours multiplied by alpha.
func (m *scratch) premultiplied(src raster) raster {
	n := src.mode.bytes()
	m.straight = grow(m.straight, src.width*src.height*n)
	out := tight(m.straight, src.mode, src.width, src.height)
	for y := range src.height {
		to, from := out.row(y), src.row(y)
		for i := 0; i < len(from); i += n {
			alpha := from[i+n-1]
			for c := range n - 1 {
				to[i+c] = mul255(from[i+c], alpha)
			}
			to[i+n-1] = alpha
		}
	}
	return out
}

// unmultiply divides colours by alpha in place; with alpha 0 they stay unchanged.
func unmultiply(r raster) {
	n := r.mode.bytes()
	for y := range r.height {
		row := r.row(y)
		for i := 0; i < len(row); i += n {
			alpha := int(row[i+n-1])
			if alpha == 0 || alpha == 255 {
				continue
			}
			for c := range n - 1 {
				row[i+c] = uint8(min(255*int(row[i+c])/alpha, 255))
			}
		}
	}
}

// horizontal16 and vertical16 sum in float64 and clip the two bytes of a result one by one, as Pillow's passes for 16
// bits do.
func horizontal16(dst, src raster, m *scratch) {
	for y := range dst.height {
		out, in := dst.row(y), src.row(y)
		for x := range dst.width {
			k := m.across.exact[x*m.across.size:][:m.across.count[x]]
			weighted16(out[2*x:], in[2*m.across.first[x]:], 2, k)
		}
	}
}

func vertical16(dst, src raster, a *axis) {
	for y := range dst.height {
		out, in := dst.row(y), src.pix[(a.first[y]-a.from)*src.stride:]
		k := a.exact[y*a.size:][:a.count[y]]
		for x := range dst.width {
			weighted16(out[2*x:], in[2*x:], src.stride, k)
		}
	}
}

func weighted16(out, in []uint8, step int, weights []float64) {
	sum := 0.0
	for i, k := range weights {
		sum += float64(float64(binary.LittleEndian.Uint16(in[i*step:])) * k)
	}
	v := int(math.Copysign(math.Floor(math.Abs(sum)+0.5), sum))
	out[0] = uint8(max(v%256, 0))
	out[1] = uint8(min(max(v>>8, 0), 255))
}

package preprocess

import "sync"

// scaling describes a resize of which only a part is computed: the destination's size, from pixel (x, y) of the resized picture on.
type scaling struct {
	width, height int        // of the whole resized picture
	x, y          int        // in it
	box           [4]float32 // left, top, right, bottom in the source
	filter        filter
}

// whole is the box of all of r.
func (r raster) whole() [4]float32 { return [4]float32{2: float32(r.width), 3: float32(r.height)} }

// scratch is the memory of one resize.
type scratch struct {
	across, down axis
	between      []uint8  // after the horizontal pass
	straight     []uint8  // the source, premultiplied
	words        []uint64 // two rows, packed
	index        []int
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// release keeps the memory for the next resize, unless it is very large (a huge picture with alpha).
func (m *scratch) release() {
	if cap(m.straight) > 16<<20 {
		m.straight = nil
	}
	scratches.Put(m)
}

// run resizes src into dst, byte for byte as Pillow's Image.resize: 8-bit modes in 22-bit fixed point with rounding to a
// byte between the passes, modes with alpha premultiplied, palettes and bilevel by nearest neighbour.
func (s scaling) run(dst, src raster) {
	across := s.width != src.width || s.box[0] != 0 || s.box[2] != float32(s.width)
	down := s.height != src.height || s.box[1] != 0 || s.box[3] != float32(s.height)
	if !across && !down {
		src.part(s.x, s.y, dst.width, dst.height).copyInto(dst)
		return
	}
	m := scratches.Get().(*scratch)
	defer m.release()
	if s.filter == nearest || src.mode == indexed || src.mode == bilevel {
		s.nearest(dst, src, m)
		return
	}
	if src.mode == rgba || src.mode == greyAlpha {
		src = m.premultiplied(src)
		defer unmultiply(dst)
	}
	m.across.compute(s.filter, line{src.width, s.width, s.box[0], s.box[2], s.x, dst.width})
	m.down.compute(s.filter, line{src.height, s.height, s.box[1], s.box[3], s.y, dst.height})
	pass := passes(src.mode)
	switch {
	case !down:
		pass.horizontal(dst, src.part(0, s.y, src.width, dst.height), m)
	case !across:
		pass.vertical(dst, src.part(s.x, 0, dst.width, src.height), &m.down)
	default:
		lo, hi := m.down.reach()
		m.between = grow(m.between, (hi-lo)*dst.width*src.mode.bytes())
		between := tight(m.between, src.mode, dst.width, hi-lo)
		pass.horizontal(between, src.part(0, lo, src.width, hi-lo), m)
		m.down.from = lo
		pass.vertical(dst, between, &m.down)
	}
}

// kernel is the pair of passes for one depth of samples.
type kernel struct {
	name       string
	horizontal func(dst, src raster, m *scratch)
	vertical   func(dst, src raster, a *axis)
}

func plain() kernel { return kernel{"go", horizontal, vertical} }

// fastest is this processor's kernel for 8-bit samples.
var fastest = sync.OnceValue(func() kernel { return kernels()[0] })

func passes(m mode) kernel {
	if m == grey16 {
		return kernel{"16 bits", horizontal16, vertical16}
	}
	return fastest()
}

package preprocess

import "encoding/binary"

// lanes selects two bytes of a word that are 32 bits apart. One multiplication computes both products, and a sum of products holds two
// numbers: the lower is its low 32 bits, signed, and the upper is the rest.
const (
	lanes = 0xff_0000_00ff
	halfs = half<<32 | half
)

func lower(sum int64) uint8 { return clip(int32(sum) >> precision) }
func upper(sum int64) uint8 { return clip(int32((sum-int64(int32(sum)))>>32) >> precision) }

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^v >> 31) // 0 below, 255 above
	}
	return uint8(v)
}

// horizontal works on two rows at once, packed into words.
func horizontal(dst, src raster, m *scratch) {
	lo, hi := m.across.reach()
	m.words = grow(m.words, hi-lo)
	n := src.mode.bytes()
	for y := 0; y < src.height; y += 2 {
		y2 := min(y+1, src.height-1)
		pack(m.words, src.row(y)[lo*n:hi*n], src.row(y2)[lo*n:hi*n], n)
		d1, d2 := dst.row(y), dst.row(y2)
		switch n {
		case 1:
			m.one(d1, d2, lo)
		case 3:
			m.three(d1, d2, lo)
		default:
			m.four(d1, d2, lo, n)
		}
	}
}

// pack puts pixel x of two rows into words[x], the second row's shifted by 32 bits.
func pack(words []uint64, r1, r2 []uint8, n int) {
	switch n {
	case 1:
		for x := range words {
			words[x] = uint64(r1[x]) | uint64(r2[x])<<32
		}
	case 2:
		for x := range words {
			words[x] = uint64(binary.LittleEndian.Uint16(r1[2*x:])) | uint64(binary.LittleEndian.Uint16(r2[2*x:]))<<32
		}
	case 3:
		for x := range words {
			a, b := r1[3*x:3*x+3:3*x+3], r2[3*x:3*x+3:3*x+3]
			words[x] = uint64(a[0]) | uint64(a[1])<<8 | uint64(a[2])<<16 |
				uint64(b[0])<<32 | uint64(b[1])<<40 | uint64(b[2])<<48
		}
	case 4:
		for x := range words {
			words[x] = uint64(binary.LittleEndian.Uint32(r1[4*x:])) | uint64(binary.LittleEndian.Uint32(r2[4*x:]))<<32
		}
	}
}

func (m *scratch) one(d1, d2 []uint8, lo int) {
	for x := range d1 {
		first, weights := m.across.taps(x)
		words := m.words[first-lo:][:len(weights)]
		sum := int64(halfs)
		for i, k := range weights {
			sum += int64(words[i]) * k
		}
		d1[x], d2[x] = lower(sum), upper(sum)
	}
}

func (m *scratch) three(d1, d2 []uint8, lo int) {
	for x := range len(d1) / 3 {
		first, weights := m.across.taps(x)
		words := m.words[first-lo:][:len(weights)]
		r, g, b := int64(halfs), int64(halfs), int64(halfs)
		for i, k := range weights {
			w := words[i]
			r += int64(w&lanes) * k
			g += int64(w>>8&lanes) * k
			b += int64(w>>16&lanes) * k
		}
		p1, p2 := d1[3*x:3*x+3:3*x+3], d2[3*x:3*x+3:3*x+3]
		p1[0], p1[1], p1[2] = lower(r), lower(g), lower(b)
		p2[0], p2[1], p2[2] = upper(r), upper(g), upper(b)
	}
}

// four computes pixels of two and four bytes.
func (m *scratch) four(d1, d2 []uint8, lo, n int) {
	for x := range len(d1) / n {
		first, weights := m.across.taps(x)
		words := m.words[first-lo:][:len(weights)]
		a, b, c, d := int64(halfs), int64(halfs), int64(halfs), int64(halfs)
		for i, k := range weights {
			w := words[i]
			a += int64(w&lanes) * k
			b += int64(w>>8&lanes) * k
			c += int64(w>>16&lanes) * k
			d += int64(w>>24&lanes) * k
		}
		sums := [4]int64{a, b, c, d}
		for i, sum := range sums[:n] {
			d1[n*x+i], d2[n*x+i] = lower(sum), upper(sum)
		}
	}
}

// vertical works on eight neighbouring bytes at once; the last eight of a row overlap those before.
func vertical(dst, src raster, a *axis) {
	for y := range dst.height {
		first, weights := a.taps(y)
		out, in := dst.row(y), src.pix[first*src.stride:]
		if len(out) < 8 {
			column(out, in, src.stride, weights)
			continue
		}
		for x := 0; x < len(out); x += 8 {
			at := min(x, len(out)-8)
			eight(out[at:at+8], in[at:], src.stride, weights)
		}
	}
}

func eight(out, in []uint8, stride int, weights []int64) {
	s0, s1, s2, s3 := int64(halfs), int64(halfs), int64(halfs), int64(halfs)
	at := 0
	for _, k := range weights {
		w := binary.LittleEndian.Uint64(in[at:])
		s0 += int64(w&lanes) * k
		s1 += int64(w>>8&lanes) * k
		s2 += int64(w>>16&lanes) * k
		s3 += int64(w>>24&lanes) * k
		at += stride
	}
	_ = out[7]
	out[0], out[1], out[2], out[3] = lower(s0), lower(s1), lower(s2), lower(s3)
	out[4], out[5], out[6], out[7] = upper(s0), upper(s1), upper(s2), upper(s3)
}

func column(out, in []uint8, stride int, weights []int64) {
	for x := range out {
		sum := int64(half)
		for i, k := range weights {
			sum += int64(in[i*stride+x]) * k
		}
		out[x] = clip(int32(sum >> precision))
	}
}

package preprocess

import "golang.org/x/sys/cpu"

//go:noescape
func rowsAVX2(dst1, dst2, src1, src2 *uint8, n int, spans *span, weights *int16)

//go:noescape
func columnsAVX2(dst, src *uint8, stride, n int, weights *int64, taps int)

// kernels lists what this processor can run, fastest first; the last is always plain Go.
func kernels() []kernel {
	if cpu.X86.HasAVX2 {
		return []kernel{{"avx2", acrossAVX2, downAVX2}, plain()}
	}
	return []kernel{plain()}
}

// acrossAVX2 is horizontal for RGB, two rows at once. Its 16-byte loads reach beyond a row, so plain Go computes the rows near the end of
// the memory, as well as other modes.
func acrossAVX2(dst, src raster, m *scratch) {
	y := 0
	if a := &m.across; src.mode == rgb && a.group() && dst.width > 0 {
		g := &a.groups
		reach := 3*g.end + 16 - 3*groupSize // bytes from a row's beginning
		for ; y < src.height; y += 2 {
			y2 := min(y+1, src.height-1)
			if y2*src.stride+reach > len(src.pix) {
				break
			}
			d1, d2 := dst.row(y), dst.row(y2)
			rowsAVX2(&d1[0], &d2[0], &src.pix[y*src.stride], &src.pix[y2*src.stride], dst.width, &g.spans[0], &g.weights[0])
		}
	}
	if y < src.height {
		horizontal(dst.part(0, y, dst.width, src.height-y), src.part(0, y, src.width, src.height-y), m)
	}
}

// downAVX2 is vertical, 32 neighbouring bytes at once; the last 32 of a row overlap those before.
func downAVX2(dst, src raster, a *axis) {
	n := dst.width * dst.mode.bytes()
	if n < 32 {
		vertical(dst, src, a)
		return
	}
	for y := range dst.height {
		first, weights := a.taps(y)
		in := src.pix[first*src.stride:]
		_ = in[(len(weights)-1)*src.stride+n-1] // the one bounds check for all that the assembly reads
		columnsAVX2(&dst.row(y)[0], &in[0], src.stride, n, &weights[0], len(weights))
	}
}

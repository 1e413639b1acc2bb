package preprocess

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// Each kernel against plain Go, which the golden tests hold to Pillow: sizes around the kernels' blocks, enlarging and
// reducing, boxes, a source that ends where its last pixel does.
func TestKernelsGiveTheSameBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	sides := []int{1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 31, 33, 64, 97, 131}
	side := func() int { return sides[r.IntN(len(sides))] }
	for range 600 {
		m := mode(r.IntN(int(bilevel)))
		src := static(r, m, side(), side())
		s := scaling{width: side(), height: side(), box: src.whole(), filter: filter(1 + r.IntN(int(lanczos)))}
		if r.IntN(2) == 0 {
			s.box = [4]float32{0.25 * float32(src.width), 0.5 * float32(src.height) * r.Float32(), 0.875 * float32(src.width),
				float32(src.height)}
		}
		width, height := 1+r.IntN(s.width), 1+r.IntN(s.height)
		s.x, s.y = r.IntN(s.width-width+1), r.IntN(s.height-height+1)
		name := fmt.Sprintf("%+v of %d x %d, mode %d", s, src.width, src.height, m)
		want := tight(make([]uint8, width*height*m.bytes()), m, width, height)
		both(want, src, s, plain())
		for _, k := range kernels() {
			got := tight(make([]uint8, len(want.pix)), m, width, height)
			both(got, src, s, k)
			if !bytes.Equal(got.pix, want.pix) {
				t.Fatalf("%s: %s differs from Go", name, k.name)
			}
		}
	}
}

// both runs a kernel's two passes, whether the sizes need them or not.
func both(dst, src raster, s scaling, k kernel) {
	var m scratch
	m.across.compute(s.filter, line{src.width, s.width, s.box[0], s.box[2], s.x, dst.width})
	m.down.compute(s.filter, line{src.height, s.height, s.box[1], s.box[3], s.y, dst.height})
	between := tight(make([]uint8, dst.width*src.height*src.mode.bytes()), src.mode, dst.width, src.height)
	k.horizontal(between, src, &m)
	k.vertical(dst, between, &m.down)
}

func static(r *rand.Rand, m mode, width, height int) raster {
	pix := make([]uint8, width*height*m.bytes())
	for i := range pix {
		pix[i] = uint8(r.Uint32())
		if r.IntN(3) == 0 { // extremes, which overflow what is too narrow
			pix[i] = uint8(-r.IntN(2))
		}
	}
	return tight(pix, m, width, height)
}

// An axis that is kept gives the weights that a fresh one has, also after another resize used it.
func TestKeptAxesAreThoseOfTheirLine(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	lines := []line{{500, 298, 0, 500, 37, 224}, {375, 224, 0, 375, 0, 224}, {500, 298, 0, 500, 0, 224}, {500, 298, 0.5, 499, 37, 224}}
	var kept axis
	for range 60 {
		l, f := lines[r.IntN(len(lines))], filter(1+r.IntN(int(lanczos)))
		var fresh axis
		fresh.compute(f, l)
		kept.compute(f, l)
		fresh.group()
		kept.group()
		for i := range l.count {
			first, weights := fresh.taps(i)
			first2, weights2 := kept.taps(i)
			if first != first2 || fmt.Sprint(weights) != fmt.Sprint(weights2) || fresh.groups.spans[i] != kept.groups.spans[i] {
				t.Fatalf("%+v by filter %d: output %d differs", l, f, i)
			}
		}
		kept.from = 3 // as a resize leaves it
	}
}

package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever the number of goroutines, what is reserved stays within the limit; what is larger than the limit is alone.
func TestDecodesStayWithinTheirMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100
		b := newBudget()
		var inWork, most, alone atomic.Int64
		var running sync.WaitGroup
		for i := range 64 {
			n := []int{10, 40, 60, 100, 250}[i%5]
			running.Go(func() {
				b.reserve(n, limit)
				now := inWork.Add(int64(n))
				if now > limit && now != int64(n) {
					t.Errorf("%d bytes are in work", now)
				}
				if n > limit {
					alone.Add(1)
				}
				most.Store(max(most.Load(), min(now, limit)))
				time.Sleep(time.Duration(i%7+1) * time.Millisecond)
				inWork.Add(int64(-n))
				b.release(n, limit, nil)
			})
		}
		running.Wait()
		if b.used != 0 || most.Load() != limit || alone.Load() != 12 {
			t.Errorf("%d bytes are left, at most %d were in work, %d were larger", b.used, most.Load(), alone.Load())
		}
	})
}

// A large picture that waits is not passed by small ones that come later.
func TestPicturesWaitInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		b.reserve(50, 100)
		var order []string
		wait := func(name string, n int) {
			go func() {
				b.reserve(n, 100)
				order = append(order, name)
				b.release(n, 100, nil)
			}()
			synctest.Wait()
		}
		wait("large", 95) // not beside the small one, so that the order is that of the turns
		wait("small", 10)
		b.release(50, 100, nil)
		synctest.Wait()
		if got := strings.Join(order, " "); got != "large small" {
			t.Error(got)
		}
	})
}

func TestKeptMemoryIsAPartOfTheLimit(t *testing.T) {
	b := newBudget()
	for range 3 {
		b.reserve(30, 100)
	}
	for range 3 {
		b.release(30, 100, &memory{pixels: make([]uint8, 20)})
	}
	if b.keptBytes() != 40 {
		t.Errorf("%d bytes are kept of 100", b.keptBytes())
	}
	b.reserve(70, 100)
	if m := b.take(100); m.bytes() != 20 || b.used+b.keptBytes() != 90 {
		t.Errorf("%d bytes taken, %d and %d left", m.bytes(), b.used, b.keptBytes())
	}
	b.release(70, 100, &memory{pixels: make([]uint8, 20)})
	b.reserve(90, 100)
	if b.take(100); b.keptBytes() != 0 {
		t.Errorf("%d bytes are kept beyond the limit", b.keptBytes())
	}
}

// What is released and not kept is garbage, which is collected once it is more than a quarter of the limit.
func TestGarbageIsAPartOfTheLimit(t *testing.T) {
	b := newBudget()
	for _, want := range []int{20, 0} {
		b.reserve(20, 100)
		if b.release(20, 100, nil); b.garbage != want {
			t.Errorf("%d bytes wait for the collector, want %d", b.garbage, want)
		}
	}
}

// bigPNG is a transparent picture of 16-bit samples, compressed to little.
func bigPNG(t *testing.T, side int, interlaced bool) []byte {
	t.Helper()
	size, passes := 0, adam7
	if !interlaced {
		passes = []pngPass{{0, 0, 1, 1}}
	}
	for _, p := range passes {
		size += (side - p.y + p.dy - 1) / p.dy * (1 + (side-p.x+p.dx-1)/p.dx*8)
	}
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(side)), uint32(side))
	header = append(header, 16, byte(pngRGBA), 0, 0, 0)
	if interlaced {
		header[12] = 1
	}
	return bytes.Join([][]byte{[]byte(pngMagic), pngChunk("IHDR", header), pngChunk("IDAT", deflated(t, make([]byte, size))),
		pngChunk("IEND", nil)}, nil)
}

// 16 bits, alpha and interlacing cost nothing: a picture that is resized as RGB takes 3 bytes a pixel, and the resize 1.
func TestPicturesAreReducedRowByRow(t *testing.T) {
	const side = 1024
	c := Default()
	for _, interlaced := range []bool{false, true} {
		file := bigPNG(t, side, interlaced)
		dst := make([]uint8, c.Size*c.Size*3)
		before := allocated()
		if err := (Reader{Config: c, Limits: DefaultLimits()}).Apply(dst, file); err != nil {
			t.Fatal(err)
		}
		if took := allocated() - before; took > 4*side*side+side*side/2 {
			t.Errorf("interlaced %v: %.2f bytes a pixel", interlaced, float64(took)/side/side)
		}
	}
}

func TestRefusalsNameTheSetting(t *testing.T) {
	for _, c := range []struct {
		limits Limits
		file   []byte
		want   string
	}{
		{DefaultLimits(), lyingPNG(12000, 9000), "12000 x 9000 pixels, the limit is 67108864 in all (max_image_pixels)"},
		{DefaultLimits(), lyingPNG(30000, 2000), "30000 x 2000 pixels, the limit is 16384 a side (max_image_side)"},
		{WideLimits(), lyingPNG(20000, 10001), "20000 x 10001 pixels, the limit is 200000000 in all (max_image_pixels)"},
		{WideLimits(), lyingPNG(65536, 10), "65536 x 10 pixels, the limit is 65535 a side (max_image_side)"},
	} {
		var refused *RefusedError
		if _, err := Decode(c.file, c.limits); !errors.As(err, &refused) || refused.Reason != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, file := range [][]byte{lyingPNG(11648, 8736), lyingPNG(30000, 2000), lyingJPEG(12000, 9000), lyingJPEG(65535, 100)} {
		var refused *RefusedError
		if _, err := Decode(file, WideLimits()); err == nil || errors.As(err, &refused) { // the file is too short for its pixels
			t.Errorf("%v", err)
		}
	}
}

// Which JPEGs are scaled down is decided here, whatever decoder this build has.
func TestOnlyHugeJPEGsAreReduced(t *testing.T) {
	for _, c := range []struct {
		width, height, orientation, want int
		draft                            bool
	}{
		{12000, 9000, 1, 8, false}, {16385, 2000, 1, 8, false}, {16385, 900, 1, 4, false}, {16385, 300, 1, 1, false},
		{8192, 8192, 1, 1, false}, {16384, 4096, 1, 1, false}, {8193, 8192, 1, 8, false}, {8192, 8192, 1, 8, true}, {500, 500, 1, 2, true},
		{12000, 9000, 6, 8, false},
	} {
		r := Reader{Config: Default(), Limits: WideLimits()}
		r.Draft = c.draft
		if got := r.divisor(c.width, c.height, c.orientation, r.reductionWhole); got != c.want {
			t.Errorf("%+v: divided by %d", c, got)
		}
	}
	var seen [2]int
	r := Reader{Config: Default(), Limits: WideLimits()}
	for orientation, want := range map[int][2]int{1: {20000, 9000}, 6: {9000, 20000}, 3: {20000, 9000}} {
		r.Orientation = OrientationApply
		r.divisor(20000, 9000, orientation, func(width, height int) int { seen = [2]int{width, height}; return 1 })
		if seen != want {
			t.Errorf("orientation %d: the upright picture has %v pixels, want %v", orientation, seen, want)
		}
	}
}

// A picture that is turned is in memory twice, and so is one that is resized in its own mode. Others are once.
func TestTurnedPicturesReserveTheirCopy(t *testing.T) {
	const side = 256
	upright := pngOf(t, noise(side, side))
	turned := withEXIF(upright, tiffWith(binary.BigEndian, 6))
	for _, c := range []struct {
		name   string
		file   []byte
		order  RGBOrder
		orient Orientation
		twice  bool
	}{
		{"upright", upright, RGBFirst, OrientationApply, false}, {"turned", turned, RGBFirst, OrientationApply, true},
		{"not to be turned", turned, RGBFirst, OrientationIgnore, false}, {"in its mode", upright, RGBLast, OrientationIgnore, true},
	} {
		b := shared()
		b.mu.Lock()
		b.kept = nil // so that the memory is this picture's
		b.mu.Unlock()
		d := decoding{Limits: DefaultLimits(), reuse: true, flat: c.order != RGBLast, upright: c.orient == OrientationApply}
		im, err := d.decode(c.file)
		if err != nil {
			t.Fatal(err)
		}
		config := Default()
		config.RGB, config.Orientation = c.order, c.orient
		if err := config.Apply(make([]uint8, config.Size*config.Size*3), im); err != nil {
			t.Fatal(err)
		}
		if kept := d.memory.bytes(); kept > d.reserved {
			t.Errorf("%s: %d bytes in use, %d reserved", c.name, kept, d.reserved)
		}
		once := decoding{Limits: DefaultLimits(), flat: d.flat}
		if _, err := once.decode(c.file); err != nil {
			t.Fatal(err)
		}
		if twice := d.reserved == 2*once.reserved; twice != c.twice || !twice && d.reserved != once.reserved {
			t.Errorf("%s: %d bytes reserved, %d to decode it", c.name, d.reserved, once.reserved)
		}
		once.release()
		d.release()
	}
}

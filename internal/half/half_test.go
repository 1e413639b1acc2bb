package half

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// format is one of the two 16-bit floats, by its fields and its conversions.
type format struct {
	name                       string
	exponentBits, fractionBits int
	widen                      func(uint16) float32
	narrow                     func(float32) uint16
	widenAll, narrowAll        func(dst, src []byte)
}

var formats = []format{
	{"float16", 5, 10, Float16, ToFloat16, WidenFloat16, NarrowFloat16},
	{"bfloat16", 8, 7, BFloat16, ToBFloat16, WidenBFloat16, NarrowBFloat16},
}

// value is the number that the fields mean, by the formula of IEEE 754.
func (f format) value(b uint16) float64 {
	bias := 1<<(f.exponentBits-1) - 1
	exponent := int(b>>f.fractionBits) & (1<<f.exponentBits - 1)
	fraction := float64(b&(1<<f.fractionBits-1)) / float64(int(1)<<f.fractionBits)
	x := math.Ldexp(1+fraction, exponent-bias)
	switch {
	case exponent == 1<<f.exponentBits-1 && fraction > 0:
		return math.NaN()
	case exponent == 1<<f.exponentBits-1:
		x = math.Inf(1)
	case exponent == 0:
		x = math.Ldexp(fraction, 1-bias)
	}
	return math.Copysign(x, 0.5-float64(b>>15))
}

// All 65,536 values, NaN included: the float32 is the value of the formula, and narrowing gives the same bits back.
func TestEveryValueWidensExactlyAndComesBack(t *testing.T) {
	for _, f := range formats {
		for h := range 1 << 16 {
			got, want := float64(f.widen(uint16(h))), f.value(uint16(h))
			if math.IsNaN(want) != math.IsNaN(got) || !math.IsNaN(want) && math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("%s %#04x is %v, want %v", f.name, h, got, want)
			}
			if back := f.narrow(f.widen(uint16(h))); back != uint16(h) {
				t.Fatalf("%s %#04x came back as %#04x", f.name, h, back)
			}
		}
	}
}

// Between two neighbours the nearer one is taken, in the middle the even one. Float32 holds each middle exactly.
func TestNarrowingRoundsToTheNearestEven(t *testing.T) {
	for _, f := range formats {
		infinity := uint16(1<<f.exponentBits-1) << f.fractionBits
		for h := range infinity - 1 {
			low, high := f.widen(h), f.widen(h+1)
			middle := low + (high-low)/2
			for x, want := range map[float32]uint16{
				middle:                          h + h&1,
				math.Nextafter32(middle, low):   h,
				math.Nextafter32(middle, high):  h + 1,
				-math.Nextafter32(middle, high): 0x8000 | (h + 1),
			} {
				if got := f.narrow(x); got != want {
					t.Fatalf("%s: %v is %#04x, want %#04x", f.name, x, got, want)
				}
			}
		}
	}
}

func TestWhatIsTooLargeIsInfinite(t *testing.T) {
	for x, want := range map[float32]uint16{
		math.Float32frombits(0x477fefff): 0x7bff, // just below 65520, the middle of the last step
		math.Float32frombits(0x477ff000): 0x7c00,
		-math.MaxFloat32:                 0xfc00,
		float32(math.Inf(-1)):            0xfc00,
	} {
		if got := ToFloat16(x); got != want {
			t.Errorf("float16: %v is %#04x, want %#04x", x, got, want)
		}
	}
	for x, want := range map[float32]uint16{math.MaxFloat32: 0x7f80, math.Float32frombits(0x7f7f7fff): 0x7f7f,
		float32(math.Inf(1)): 0x7f80} {
		if got := ToBFloat16(x); got != want {
			t.Errorf("bfloat16: %v is %#04x, want %#04x", x, got, want)
		}
	}
}

// Arrays are converted in groups of four with a fast way for normal numbers: each number must be what it is alone,
// whatever its neighbours are and wherever the array ends.
func TestArraysAreConvertedNumberByNumber(t *testing.T) {
	for _, f := range formats {
		for _, step := range []int{1, 0x101, 0x1fff} { // neighbours of one kind, and of all kinds
			for _, n := range []int{0, 1, 3, 4, 7, 1<<16 + 1} {
				var short, want []byte
				for i := range n {
					short = binary.LittleEndian.AppendUint16(short, uint16(i*step))
					want = binary.LittleEndian.AppendUint32(want, math.Float32bits(f.widen(uint16(i*step))))
				}
				wide, back := make([]byte, 4*n), make([]byte, 2*n)
				f.widenAll(wide, short)
				if f.narrowAll(back, wide); !slices.Equal(wide, want) || !slices.Equal(back, short) {
					t.Fatalf("%s: an array of %d in steps of %#x differs from its numbers", f.name, n, step)
				}
			}
		}
	}
}

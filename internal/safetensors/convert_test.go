package safetensors

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
)

// value is the number that the fields of a small float say, by the formula of IEEE 754.
func value(b uint16, exponentBits, fractionBits int) float64 {
	bias := 1<<(exponentBits-1) - 1
	exponent := int(b>>fractionBits) & (1<<exponentBits - 1)
	fraction := float64(b&(1<<fractionBits-1)) / float64(int(1)<<fractionBits)
	sign := 1.0
	if b>>15 == 1 {
		sign = -1
	}
	switch {
	case exponent == 1<<exponentBits-1 && fraction > 0:
		return math.NaN()
	case exponent == 1<<exponentBits-1:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(fraction, 1-bias)
	default:
		return sign * math.Ldexp(1+fraction, exponent-bias)
	}
}

var small = []struct {
	dtype                      DType
	exponentBits, fractionBits int
}{{F16, 5, 10}, {BF16, 8, 7}}

func convert(t testing.TB, from, to DType, data []byte) []byte {
	t.Helper()
	in := Tensor{Name: "x", DType: from, Shape: []int64{int64(len(data)) / from.Size()}, Data: data}
	out, err := in.Convert(to)
	if err != nil {
		t.Fatal(err)
	}
	if out.Name != in.Name || out.DType != to || !slices.Equal(out.Shape, in.Shape) {
		t.Fatalf("%v became %v", in.Shape, out)
	}
	return out.Data
}

// All 65,536 of each type: the float32 is the value that the formula says, and narrowing it gives the same bits back,
// also those of each NaN.
func TestEverySmallFloatWidensExactlyAndComesBack(t *testing.T) {
	for _, c := range small {
		var all []byte
		for b := range 1 << 16 {
			all = binary.LittleEndian.AppendUint16(all, uint16(b))
		}
		wide := convert(t, c.dtype, F32, all)
		back := convert(t, F32, c.dtype, wide)
		for b := range 1 << 16 {
			got := math.Float32frombits(binary.LittleEndian.Uint32(wide[4*b:]))
			want := value(uint16(b), c.exponentBits, c.fractionBits)
			same := float64(got) == want && math.Signbit(float64(got)) == math.Signbit(want)
			if !same && !(got != got && want != want) {
				t.Fatalf("%s %#04x is %g, want %g", c.dtype, b, got, want)
			}
			if again := binary.LittleEndian.Uint16(back[2*b:]); int(again) != b {
				t.Fatalf("%s %#04x came back as %#04x", c.dtype, b, again)
			}
		}
	}
}

// The oracle looks the two neighbours up in the list of all values and compares distances, which float64 holds exactly.
// Tried are all midpoints between neighbours with the float32s beside them, and random bits.
func TestNarrowingRoundsToTheNearestEven(t *testing.T) {
	for _, c := range small {
		infinity := uint16(1<<c.exponentBits-1) << c.fractionBits
		values := make([]float64, int(infinity)+1)
		for b := range infinity {
			values[b] = value(b, c.exponentBits, c.fractionBits)
		}
		largest := values[infinity-1]
		values[infinity] = 2*largest - values[infinity-2] // the next step, for rounding; it stands for infinity
		nearest := func(x float64) uint16 {
			hi := sort.SearchFloat64s(values, x)
			switch {
			case hi == len(values):
				return infinity
			case hi == 0:
				return 0
			}
			below, above := x-values[hi-1], values[hi]-x
			if below < above || below == above && (hi-1)%2 == 0 {
				return uint16(hi - 1)
			}
			return uint16(hi)
		}
		var in []byte
		add := func(bits uint32) { in = binary.LittleEndian.AppendUint32(in, bits) }
		for b := range int(infinity) {
			middle := math.Float32bits(float32((values[b] + values[b+1]) / 2))
			for _, bits := range []uint32{middle - 1, middle, middle + 1, math.Float32bits(float32(values[b]))} {
				add(bits)
				add(bits ^ 1<<31)
			}
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 300_000 {
			add(r.Uint32())
		}
		out := convert(t, F32, c.dtype, in)
		for i := range len(out) / 2 {
			bits, got := binary.LittleEndian.Uint32(in[4*i:]), binary.LittleEndian.Uint16(out[2*i:])
			x := float64(math.Float32frombits(bits))
			if x != x {
				if got&0x7fff <= infinity || got>>15 != uint16(bits>>31) {
					t.Fatalf("%s: NaN %#08x became %#04x", c.dtype, bits, got)
				}
				continue
			}
			if want := nearest(math.Abs(x)) | uint16(bits>>31)<<15; got != want {
				t.Fatalf("%s: %g (%#08x) became %#04x, want %#04x", c.dtype, x, bits, got, want)
			}
		}
	}
}

func TestDoublesAreRoundedOnce(t *testing.T) {
	for x, want := range map[float64]float32{
		0: 0, math.Copysign(0, -1): float32(math.Copysign(0, -1)), 1.5: 1.5, math.Pi: 3.1415927410125732421875,
		1 + 0x1p-24: 1, 1 + 0x1p-24 + 0x1p-52: 1 + 0x1p-23, 0x1p-149: 0x1p-149, 0x1p-151: 0,
		math.MaxFloat64: float32(math.Inf(1)), math.Inf(-1): float32(math.Inf(-1)),
	} {
		got := convert(t, F64, F32, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
		if bits := binary.LittleEndian.Uint32(got); bits != math.Float32bits(want) {
			t.Errorf("%g became %#08x, want %g", x, bits, want)
		}
	}
	nan := convert(t, F64, F32, binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())))
	if x := math.Float32frombits(binary.LittleEndian.Uint32(nan)); x == x {
		t.Errorf("NaN became %g", x)
	}
}

func TestConvertRefusesWhatItWouldGuess(t *testing.T) {
	for _, c := range []struct {
		from, to DType
		bytes    int
		want     string
	}{
		{I64, F32, 8, "I64 is not converted to F32"},
		{F32, I8, 4, "F32 is not converted"},
		{F64, F16, 8, "F64 is not converted"}, // two roundings
		{F16, BF16, 2, "F16 is not converted"},
		{F32, "F31", 4, "F32 is not converted"},
		{"F31", F32, 4, "are not F31"},
		{F16, F32, 3, "3 bytes are not F16 [1]"},
		{F16, F32, 4, "4 bytes are not F16 [1]"},
	} {
		_, err := Tensor{Name: "x", DType: c.from, Shape: []int64{1}, Data: make([]byte, c.bytes)}.Convert(c.to)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v", c.from, c.to, err)
		}
	}
	same := Tensor{DType: I64, Shape: []int64{1}, Data: make([]byte, 8)}
	if out, err := same.Convert(I64); err != nil || &out.Data[0] != &same.Data[0] {
		t.Errorf("its own type: %v", err)
	}
}

// A large tensor is converted in parts, and its last numbers one by one: each must be what it is on its own.
func TestEveryNumberIsConvertedWhereverItStands(t *testing.T) {
	for _, c := range small {
		var each [1 << 16][]byte
		for b := range each {
			each[b] = convert(t, c.dtype, F32, binary.LittleEndian.AppendUint16(nil, uint16(b)))
		}
		for _, n := range []int{0, 1, 3, 4, 7, 1<<16 - 1, 1<<16 + 1, 1<<18 + 5} {
			var in []byte
			for i := range n {
				in = binary.LittleEndian.AppendUint16(in, uint16(i*7))
			}
			wide := convert(t, c.dtype, F32, in)
			for i := range n {
				if want := each[uint16(i*7)]; string(wide[4*i:4*i+4]) != string(want) {
					t.Fatalf("%s: number %d of %d is %x, want %x", c.dtype, i, n, wide[4*i:4*i+4], want)
				}
			}
			if back := convert(t, F32, c.dtype, wide); string(back) != string(in) {
				t.Fatalf("%s: %d numbers did not come back", c.dtype, n)
			}
		}
	}
}

func BenchmarkWiden(b *testing.B) {
	for _, c := range small {
		b.Run(string(c.dtype), func(b *testing.B) {
			var in []byte
			for r := rand.New(rand.NewPCG(1, 2)); len(in) < 8<<20; { // as weights are
				in = binary.LittleEndian.AppendUint32(in, math.Float32bits(float32(r.NormFloat64()*0.02)))
			}
			in = convert(b, F32, c.dtype, in)
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				convert(b, c.dtype, F32, in)
			}
		})
	}
}

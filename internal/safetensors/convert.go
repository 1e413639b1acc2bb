package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"
)

// Convert gives the tensor in another type: F64, F16 or BF16 as F32, F32 as F16 or BF16. Rounding is to the nearest, ties
// to even; what is too large becomes infinite; NaN stays NaN. The data is a copy unless the type is the tensor's own.
func (t Tensor) Convert(to DType) (Tensor, error) {
	if t.DType == to {
		return t, nil
	}
	n, wide := int64(len(t.Data)), t.DType.Size()
	if want, err := byteSize(t.DType, t.Shape); err != nil || want != n {
		return Tensor{}, fmt.Errorf("%q: %d bytes are not %s %v", t.Name, n, t.DType, t.Shape)
	}
	convert := conversion(t.DType, to)
	if convert == nil {
		return Tensor{}, fmt.Errorf("%q: %s is not converted to %s", t.Name, t.DType, to)
	}
	out := Tensor{Name: t.Name, DType: to, Shape: t.Shape, Data: make([]byte, n/wide*to.Size())}
	inParts(int(n/wide), func(begin, end int) {
		convert(out.Data[begin*int(to.Size()):end*int(to.Size())], t.Data[begin*int(wide):end*int(wide)])
	})
	return out, nil
}

// inParts shares n numbers out among the processors.
func inParts(n int, do func(begin, end int)) {
	const least = 1 << 16 // numbers that are worth a goroutine
	parts := min(runtime.GOMAXPROCS(0), n/least)
	if parts <= 1 {
		do(0, n)
		return
	}
	var done sync.WaitGroup
	for i := range parts {
		done.Go(func() { do(n*i/parts, n*(i+1)/parts) })
	}
	done.Wait()
}

// conversion converts as many numbers as from holds; nil where there is none.
func conversion(from, to DType) func(to, from []byte) {
	switch [2]DType{from, to} {
	case [2]DType{F16, F32}:
		return halves
	case [2]DType{BF16, F32}:
		return brains
	case [2]DType{F64, F32}:
		return doubles
	case [2]DType{F32, F16}:
		return func(to, from []byte) { narrow(to, from, toHalf) }
	case [2]DType{F32, BF16}:
		return func(to, from []byte) { narrow(to, from, toBrain) }
	}
	return nil
}

// halves makes float32 of float16, four at a time where they are what weights mostly are.
func halves(to, from []byte) {
	for ; len(from) >= 8 && len(to) >= 16; from, to = from[8:], to[16:] {
		v := binary.LittleEndian.Uint64(from)
		if normal(v) {
			binary.LittleEndian.PutUint64(to, widePair(v))
			binary.LittleEndian.PutUint64(to[8:], widePair(v>>32))
			continue
		}
		for i := range 4 {
			binary.LittleEndian.PutUint32(to[4*i:], halfBits(uint16(v>>(16*i))))
		}
	}
	for ; len(from) >= 2; from, to = from[2:], to[4:] {
		binary.LittleEndian.PutUint32(to, halfBits(binary.LittleEndian.Uint16(from)))
	}
}

// normal tells whether none of four float16 is zero, subnormal, infinite or NaN: no exponent is 0 or 31, so that adding one
// leaves a bit above the lowest.
func normal(v uint64) bool {
	const exponents, one, above, carry = 0x7c007c007c007c00, 0x0400040004000400, 0x7800780078007800, 0x8000800080008000
	w := (v&exponents + one) & above
	return (w+above)&carry == carry
}

// widePair gives the bits of two float32 for the two normal float16 in the lower half: the exponent's bias grows by 112.
func widePair(v uint64) uint64 {
	v = v&0xffff | v>>16&0xffff<<32
	return v&0x0000800000008000<<16 | (v&0x00007fff00007fff<<13 + 112<<23*0x0000000100000001)
}

// brains makes float32 of bfloat16, which is its upper half, four at a time.
func brains(to, from []byte) {
	for ; len(from) >= 8 && len(to) >= 16; from, to = from[8:], to[16:] {
		v := binary.LittleEndian.Uint64(from)
		binary.LittleEndian.PutUint64(to, v<<16&0xffff0000|v>>16<<48)
		binary.LittleEndian.PutUint64(to[8:], v>>16&0xffff0000|v>>48<<48)
	}
	for ; len(from) >= 2; from, to = from[2:], to[4:] {
		binary.LittleEndian.PutUint32(to, uint32(binary.LittleEndian.Uint16(from))<<16)
	}
}

func doubles(to, from []byte) {
	for ; len(from) >= 8; from, to = from[8:], to[4:] {
		v := math.Float64frombits(binary.LittleEndian.Uint64(from))
		binary.LittleEndian.PutUint32(to, math.Float32bits(float32(v)))
	}
}

func narrow(to, from []byte, bits func(uint32) uint16) {
	for ; len(from) >= 4; from, to = from[4:], to[2:] {
		binary.LittleEndian.PutUint16(to, bits(binary.LittleEndian.Uint32(from)))
	}
}

// halfBits gives the bits of the float32 that a float16 is.
func halfBits(h uint16) uint32 {
	sign, mag := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	if mag >= 0x7c00 { // infinity and NaN
		return sign | 0x7f800000 | mag<<13&0x7fffff
	}
	return sign | math.Float32bits(math.Float32frombits(mag<<13)*0x1p112) // makes subnormals right, too
}

// toHalf rounds a float32, given by its bits, to a float16.
func toHalf(bits uint32) uint16 {
	sign, mag := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | quiet(0x7c00, uint16(mag>>13&0x3ff), 0x200)
	case mag >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case mag < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(mag))*0x1p24))
	}
	mag += 0xfff + mag>>13&1
	return sign | uint16(mag>>13-112<<10)
}

// toBrain rounds a float32, given by its bits, to a bfloat16.
func toBrain(bits uint32) uint16 {
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16&0x8000) | quiet(0x7f80, uint16(bits>>16&0x7f), 0x40)
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// quiet keeps what is left of a NaN's payload; if that is nothing, the NaN would be an infinity.
func quiet(exponent, payload, bit uint16) uint16 {
	if payload == 0 {
		payload = bit
	}
	return exponent | payload
}

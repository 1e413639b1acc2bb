package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
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
	out := Tensor{Name: t.Name, DType: to, Shape: t.Shape, Data: make([]byte, n/wide*to.Size())}
	switch [2]DType{t.DType, to} {
	case [2]DType{F16, F32}:
		widen(out.Data, t.Data, halfBits)
	case [2]DType{BF16, F32}:
		widen(out.Data, t.Data, func(b uint16) uint32 { return uint32(b) << 16 })
	case [2]DType{F64, F32}:
		for i := range len(t.Data) / 8 {
			v := math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
			binary.LittleEndian.PutUint32(out.Data[4*i:], math.Float32bits(float32(v)))
		}
	case [2]DType{F32, F16}:
		narrow(out.Data, t.Data, toHalf)
	case [2]DType{F32, BF16}:
		narrow(out.Data, t.Data, toBrain)
	default:
		return Tensor{}, fmt.Errorf("%q: %s is not converted to %s", t.Name, t.DType, to)
	}
	return out, nil
}

func widen(to, from []byte, bits func(uint16) uint32) {
	for i := range len(from) / 2 {
		binary.LittleEndian.PutUint32(to[4*i:], bits(binary.LittleEndian.Uint16(from[2*i:])))
	}
}

func narrow(to, from []byte, bits func(uint32) uint16) {
	for i := range len(from) / 4 {
		binary.LittleEndian.PutUint16(to[2*i:], bits(binary.LittleEndian.Uint32(from[4*i:])))
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

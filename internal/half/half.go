// Package half converts between float32 and the two 16-bit floats that weights and features are stored in: float16
// (IEEE 754 binary16) and bfloat16, the upper half of a float32.
//
// Widening is exact. Narrowing rounds to the nearest value, ties to even; what is too large becomes infinite. A NaN stays
// a NaN of the same sign and keeps the upper bits of its payload.
package half

import "math"

// Float16 is the value of a float16, given by its bits.
func Float16(bits uint16) float32 { return math.Float32frombits(widen16(bits)) }

// BFloat16 is the value of a bfloat16, given by its bits.
func BFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

// ToFloat16 gives the bits of the float16 nearest to f.
func ToFloat16(f float32) uint16 { return narrow16(math.Float32bits(f)) }

// ToBFloat16 gives the bits of the bfloat16 nearest to f.
func ToBFloat16(f float32) uint16 { return narrowB16(math.Float32bits(f)) }

// widen16 gives the bits of a float16's value as a float32: a multiplication moves the exponent, which makes subnormals
// right as well.
func widen16(h uint16) uint32 {
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	if magnitude >= 0x7c00 { // infinity and NaN
		return sign | 0x7f800000 | magnitude<<13&0x7fffff
	}
	return sign | math.Float32bits(math.Float32frombits(magnitude<<13)*0x1p112)
}

func narrow16(bits uint32) uint16 {
	sign, magnitude := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return sign | quiet(0x7c00, uint16(magnitude>>13&0x3ff), 0x200)
	case magnitude >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case magnitude < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(magnitude))*0x1p24))
	}
	magnitude += 0xfff + magnitude>>13&1
	return sign | uint16(magnitude>>13-112<<10)
}

func narrowB16(bits uint32) uint16 {
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16&0x8000) | quiet(0x7f80, uint16(bits>>16&0x7f), 0x40)
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// quiet keeps what is left of a NaN's payload; without any payload the NaN would be an infinity, so bit is set then.
func quiet(exponent, payload, bit uint16) uint16 {
	if payload == 0 {
		payload = bit
	}
	return exponent | payload
}

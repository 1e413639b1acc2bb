package safetensors

import "encoding/binary"

// exponents describes a floating-point type for checking eight bytes at a time: the mask of the exponent bits, and the lowest bit of each
// exponent. A number is infinite or NaN if all bits of its exponent are set: then adding the lowest bit carries into the sign.
type exponents struct{ mask, one, carry uint64 }

var floats = map[DType]exponents{
	F64:  {0x7ff0000000000000, 0x0010000000000000, 1 << 63},
	F32:  {0x7f8000007f800000, 0x0080000000800000, 0x8000000080000000},
	F16:  {0x7c007c007c007c00, 0x0400040004000400, 0x8000800080008000},
	BF16: {0x7f807f807f807f80, 0x0080008000800080, 0x8000800080008000},
}

// Finite reports whether every number of a tensor is finite: neither NaN nor infinite. It reads about as fast as memory does.
func (t Tensor) Finite() bool {
	e, ok := floats[t.DType]
	if !ok {
		return true
	}
	data := t.Data
	var a, b uint64
	for len(data) >= 16 {
		a |= binary.LittleEndian.Uint64(data)&e.mask + e.one
		b |= binary.LittleEndian.Uint64(data[8:])&e.mask + e.one
		data = data[16:]
	}
	var rest [16]byte
	copy(rest[:], data)
	a |= binary.LittleEndian.Uint64(rest[:])&e.mask + e.one
	b |= binary.LittleEndian.Uint64(rest[8:])&e.mask + e.one
	return (a|b)&e.carry == 0
}

package half

import "encoding/binary"

// The functions of this file convert whole arrays of little-endian numbers, as files hold them: as many as src has. The
// destination must have room for them.

// WidenFloat16 writes the float32 values of the float16 in src, four at a time where those are normal numbers, which
// weights mostly are.
func WidenFloat16(dst, src []byte) {
	for ; len(src) >= 8 && len(dst) >= 16; src, dst = src[8:], dst[16:] {
		v := binary.LittleEndian.Uint64(src)
		if normal(v) {
			binary.LittleEndian.PutUint64(dst, widePair(v))
			binary.LittleEndian.PutUint64(dst[8:], widePair(v>>32))
			continue
		}
		for i := range 4 {
			binary.LittleEndian.PutUint32(dst[4*i:], widen16(uint16(v>>(16*i))))
		}
	}
	for ; len(src) >= 2; src, dst = src[2:], dst[4:] {
		binary.LittleEndian.PutUint32(dst, widen16(binary.LittleEndian.Uint16(src)))
	}
}

// normal reports whether none of four float16 is zero, subnormal, infinite or NaN: no exponent is 0 or 31, so that adding
// one leaves a bit above the lowest.
func normal(v uint64) bool {
	const exponents, one, above, carry = 0x7c007c007c007c00, 0x0400040004000400, 0x7800780078007800, 0x8000800080008000
	w := (v&exponents + one) & above
	return (w+above)&carry == carry
}

// widePair gives the bits of two float32 for the two normal float16 in the lower half of v: the exponent's bias grows by
// 112.
func widePair(v uint64) uint64 {
	v = v&0xffff | v>>16&0xffff<<32
	return v&0x0000800000008000<<16 | (v&0x00007fff00007fff<<13 + 112<<23*0x0000000100000001)
}

// WidenBFloat16 writes the float32 values of the bfloat16 in src, four at a time.
func WidenBFloat16(dst, src []byte) {
	for ; len(src) >= 8 && len(dst) >= 16; src, dst = src[8:], dst[16:] {
		v := binary.LittleEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, v<<16&0xffff0000|v>>16<<48)
		binary.LittleEndian.PutUint64(dst[8:], v>>16&0xffff0000|v>>48<<48)
	}
	for ; len(src) >= 2; src, dst = src[2:], dst[4:] {
		binary.LittleEndian.PutUint32(dst, uint32(binary.LittleEndian.Uint16(src))<<16)
	}
}

// NarrowFloat16 writes the float16 nearest to each float32 in src.
func NarrowFloat16(dst, src []byte) { narrow(dst, src, narrow16) }

// NarrowBFloat16 writes the bfloat16 nearest to each float32 in src.
func NarrowBFloat16(dst, src []byte) { narrow(dst, src, narrowB16) }

func narrow(dst, src []byte, bits func(uint32) uint16) {
	for ; len(src) >= 4; src, dst = src[4:], dst[2:] {
		binary.LittleEndian.PutUint16(dst, bits(binary.LittleEndian.Uint32(src)))
	}
}

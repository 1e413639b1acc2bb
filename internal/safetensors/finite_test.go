package safetensors

import (
	"encoding/binary"
	"testing"
)

func TestFiniteSeesEverySpoiledNumber(t *testing.T) {
	for dtype, bad := range map[DType][]uint64{
		F32:  {0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff},
		F16:  {0x7c00, 0xfc00, 0x7e00, 0x7c01},
		BF16: {0x7f80, 0xff80, 0x7fc0},
		F64:  {0x7ff0000000000000, 0xfff0000000000000, 0xfff8000000000000},
	} {
		size := int(dtype.Size())
		for n := range 13 {
			for at := range n {
				data := make([]byte, n*size)
				for i := range n { // the largest number there is, and its negative
					put(data[i*size:], size, bad[i%2]-1)
				}
				if !(Tensor{DType: dtype, Data: data}).Finite() {
					t.Fatalf("%s: finite numbers are not", dtype)
				}
				for _, b := range bad {
					put(data[at*size:], size, b)
					if (Tensor{DType: dtype, Data: data}).Finite() {
						t.Errorf("%s: %#x at %d of %d was not seen", dtype, b, at, n)
					}
				}
			}
		}
	}
}

func put(data []byte, size int, bits uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], bits)
	copy(data, b[:size])
}

package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"

	"clipgo/internal/half"
	"clipgo/internal/parallel"
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
	parts := max(1, min(runtime.GOMAXPROCS(0), n/least))
	parallel.For(parts, func(i int) { do(n*i/parts, n*(i+1)/parts) })
}

// conversion converts as many numbers as from holds; nil where there is none.
func conversion(from, to DType) func(to, from []byte) {
	switch [2]DType{from, to} {
	case [2]DType{F16, F32}:
		return half.WidenFloat16
	case [2]DType{BF16, F32}:
		return half.WidenBFloat16
	case [2]DType{F64, F32}:
		return doubles
	case [2]DType{F32, F16}:
		return half.NarrowFloat16
	case [2]DType{F32, BF16}:
		return half.NarrowBFloat16
	}
	return nil
}

func doubles(to, from []byte) {
	for ; len(from) >= 8; from, to = from[8:], to[4:] {
		v := math.Float64frombits(binary.LittleEndian.Uint64(from))
		binary.LittleEndian.PutUint32(to, math.Float32bits(float32(v)))
	}
}

package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"

	"clipgo/internal/half"
	"clipgo/internal/parallel"
)

// Convert converts a tensor to another type: F64, F16 or BF16 to F32, F32 to F16 or BF16. It rounds to nearest even; numbers that are too
// large become infinite; NaN stays NaN. The data is a copy unless the tensor has the type already.
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

// inParts splits n numbers into parts and calls do for them in parallel.
func inParts(n int, do func(begin, end int)) {
	const least = 1 << 16 // the smallest part that is worth a goroutine
	parts := max(1, min(runtime.GOMAXPROCS(0), n/least))
	parallel.For(parts, func(i int) { do(n*i/parts, n*(i+1)/parts) })
}

// conversion returns the function that converts all numbers of from; nil if the types can't be converted.
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

package search

import "math"

// kernel scores rows against a query: dst[i] = q . rows[i], rows being [len(dst), len(q)].
//
// Sums are float32 in an order of the kernel's own; how far they can be from the true product is slack's to say.
type kernel struct {
	name string
	f32  func(dst, q, rows []float32)
	f16  func(dst, q []float32, rows []uint16)
}

func plain() kernel { return kernel{"go", plainF32, plainF16} }

func plainF32(dst, q, rows []float32) {
	dim := len(q)
	for i := range dst {
		row := rows[i*dim:][:dim]
		var a, b, c, d float32
		k := 0
		for ; k+4 <= dim; k += 4 {
			x, y := q[k:k+4:k+4], row[k:k+4:k+4]
			a += x[0] * y[0]
			b += x[1] * y[1]
			c += x[2] * y[2]
			d += x[3] * y[3]
		}
		for ; k < dim; k++ {
			a += q[k] * row[k]
		}
		dst[i] = (a + b) + (c + d)
	}
}

// plainF16 widens a row at a time for plainF32.
func plainF16(dst, q []float32, rows []uint16) {
	dim := len(q)
	row := make([]float32, dim)
	for i := range dst {
		for k, h := range rows[i*dim:][:dim] {
			row[k] = fromHalf(h)
		}
		plainF32(dst[i:i+1], q, row)
	}
}

// slack bounds the error of a float32 product of dim entries, in any order of summation, for a unit query and a row no
// longer than 2: dim roundings of 2^-24 each (Higham, Accuracy and Stability, section 3.1), doubled for the products.
func slack(dim int) float32 { return float32(2*dim+16) * 2 * 0x1p-24 }

// exactDot sums in float64, in the order of the entries: the score that is ranked and reported.
func exactDot[T float32 | uint16](q []float32, row []T) float64 {
	var sum float64
	for i, v := range row[:len(q)] {
		sum += float64(q[i]) * float64(widen(v))
	}
	return sum
}

// widen gives the value of a row's entry; a uint16 is a float16.
func widen[T float32 | uint16](v T) float32 {
	if h, ok := any(v).(uint16); ok {
		return fromHalf(h)
	}
	return float32(v)
}

// fromHalf is exact: the exponent moves by a multiplication, which also makes subnormals right.
func fromHalf(h uint16) float32 {
	bits := uint32(h&0x7fff) << 13
	if bits >= 0x7c00<<13 { // infinity and NaN
		bits |= 0x7f800000
		return math.Float32frombits(bits | uint32(h&0x8000)<<16)
	}
	f := math.Float32frombits(bits) * 0x1p112
	return math.Float32frombits(math.Float32bits(f) | uint32(h&0x8000)<<16)
}

// toHalf rounds to the nearest float16, ties to even, as numpy's astype does.
func toHalf(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, mag := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00
	case mag >= 0x477ff000: // rounds to 65520 or more
		return sign | 0x7c00
	case mag < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(mag))*0x1p24))
	}
	mag += 0xfff + mag>>13&1
	return sign | uint16(mag>>13-(112<<10))
}

package search

import "clipgo/internal/half"

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
			row[k] = half.Float16(h)
		}
		plainF32(dst[i:i+1], q, row)
	}
}

// slack bounds the error of a float32 product of dim entries, in any order of summation, for a unit query and a row no
// longer than 2: dim roundings of 2^-24 each (Higham, Accuracy and Stability, section 3.1), doubled for the products.
func slack(dim int) float32 { return float32(2*dim+16) * 2 * 0x1p-24 }

// widen gives the value of a row's entry; a uint16 is a float16.
func widen[T float32 | uint16](v T) float32 {
	if h, ok := any(v).(uint16); ok {
		return half.Float16(h)
	}
	return float32(v)
}

// Package vec holds the arithmetic of features: rows of float32 that are compared by their cosines. All sums are float64,
// in the order of the entries, so that equal rows have equal products.
package vec

import (
	"math"

	"clipgo/internal/half"
)

// Dot is the inner product of two rows of equal length.
func Dot(a, b []float32) float64 {
	var sum float64
	for i, v := range b[:len(a)] {
		sum += float64(a[i]) * float64(v)
	}
	return sum
}

// DotFloat16 is the inner product of a row with a row of float16, given by their bits.
func DotFloat16(a []float32, b []uint16) float64 {
	var sum float64
	for i, v := range b[:len(a)] {
		sum += float64(a[i]) * float64(half.Float16(v))
	}
	return sum
}

// Dots writes the inner products of x with each row of rows, [len(dst), len(x)]. Four rows are summed together because
// the additions of one sum depend on each other.
func Dots(dst, x, rows []float64) {
	d := len(x)
	n := 0
	for ; n+4 <= len(dst); n += 4 {
		a, b := rows[n*d:][:d], rows[(n+1)*d:][:d]
		c, e := rows[(n+2)*d:][:d], rows[(n+3)*d:][:d]
		var sa, sb, sc, se float64
		for i, v := range x {
			sa += v * a[i]
			sb += v * b[i]
			sc += v * c[i]
			se += v * e[i]
		}
		dst[n], dst[n+1], dst[n+2], dst[n+3] = sa, sb, sc, se
	}
	for ; n < len(dst); n++ {
		var sum float64
		for i, v := range rows[n*d:][:d] {
			sum += x[i] * v
		}
		dst[n] = sum
	}
}

// Norm is the Euclidean norm of a row.
func Norm(x []float32) float64 { return math.Sqrt(Dot(x, x)) }

// Unit writes x divided by its norm into dst and returns the norm; a zero row stays zero.
func Unit(dst []float64, x []float32) (norm float64) {
	norm = Norm(x)
	by := norm
	if norm == 0 {
		by = 1
	}
	for i, v := range x {
		dst[i] = float64(v) / by
	}
	return norm
}

// Units returns rows of dim as unit rows.
func Units(rows []float32, dim int) []float64 {
	out := make([]float64, len(rows))
	for at := 0; at < len(rows); at += dim {
		Unit(out[at:at+dim], rows[at:at+dim])
	}
	return out
}

// Direction is x divided by its norm, rounded to float32; a zero vector stays zero.
func Direction(x []float64) []float32 {
	var norm float64
	for _, v := range x {
		norm += v * v
	}
	norm = max(math.Sqrt(norm), math.SmallestNonzeroFloat64)
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v / norm)
	}
	return out
}

// MeanDirection is the unit vector along the mean of the rows' directions.
func MeanDirection(rows []float32, dim int) []float32 {
	sum, row := make([]float64, dim), make([]float64, dim)
	for at := 0; at < len(rows); at += dim {
		Unit(row, rows[at:at+dim])
		for i, v := range row {
			sum[i] += v
		}
	}
	return Direction(sum)
}

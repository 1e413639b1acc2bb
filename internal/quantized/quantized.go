// Package quantized keeps rows of float32 in 8 bits an entry, together with what rounding lost, so that each inner product
// of the small form has a bound on its error. A search over the small form reads a quarter of the bytes; the few rows that the
// bound can't decide are scored again from the full form, and the result is that of the full form.
package quantized

import (
	"math"

	"clipgo/internal/parallel"
)

// Rows are rows in 8 bits an entry.
type Rows struct {
	N, Dim  int
	Longest float64 // norm of the longest row

	stride int       // entries of a row, with zeros after Dim: a multiple of 64
	codes  []uint8   // [N, stride]; a code c stands for (c-128) * scale
	scale  []float32 // [N]
	lost   []float32 // [N], the norm of a row minus what its codes stand for
	kernel kernel
}

// zero is the code of 0.
const zero = 128

// most is the largest code: codes are -127 to 127, so that negation is exact.
const most = 127

// New makes the small form of rows [n, dim].
func New(rows []float32, dim int) *Rows {
	n := len(rows) / dim
	r := &Rows{N: n, Dim: dim, stride: padded(dim), scale: make([]float32, n), lost: make([]float32, n), kernel: kernels()[0]}
	r.codes = make([]uint8, n*r.stride)
	const chunk = 1024
	longest := make([]float64, (n+chunk-1)/chunk)
	parallel.For(len(longest), func(c int) {
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			longest[c] = max(longest[c], r.set(i, rows[i*dim:(i+1)*dim]))
		}
	})
	for _, l := range longest {
		r.Longest = max(r.Longest, l)
	}
	return r
}

// padded is the number of entries that a row has with its padding.
func padded(dim int) int { return (dim + 63) &^ 63 }

// set quantizes a row and returns its norm.
func (r *Rows) set(i int, x []float32) float64 {
	codes := r.codes[i*r.stride : (i+1)*r.stride]
	scale := step(x)
	var lost, norm float64
	for k, v := range x {
		c := code(v, scale)
		codes[k] = uint8(c + zero)
		d := float64(v) - float64(scale)*float64(c)
		lost += d * d
		norm += float64(v) * float64(v)
	}
	for k := len(x); k < len(codes); k++ {
		codes[k] = zero
	}
	r.scale[i], r.lost[i] = scale, above(math.Sqrt(lost))
	return math.Sqrt(norm)
}

// step is the difference of neighbouring codes.
func step(x []float32) float32 {
	var largest float32
	for _, v := range x {
		largest = max(largest, v, -v)
	}
	return largest / most
}

func code(v, scale float32) int {
	if scale == 0 {
		return 0
	}
	return int(min(max(math.RoundToEven(float64(v)/float64(scale)), -most), most))
}

// above is the smallest float32 that is not below a value; the sum that gave the value was rounded too.
func above(v float64) float32 {
	v *= 1 + 1e-12
	f := float32(v)
	if float64(f) < v {
		f = math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}

// Bytes is the memory of the rows.
func (r *Rows) Bytes() int64 { return int64(len(r.codes)) + 8*int64(r.N) }

// Query is a vector in two words of 8 bits an entry: the second holds what the first lost.
type Query struct {
	words [2][]int8
	scale [2]float64
	sum   [2]float64 // of a word's entries times zero: what the offset of the rows' codes adds to a product
	norm  float64
	lost  float64 // what both words lose
}

// NewQuery quantizes a vector, for rows of as many entries.
func NewQuery(x []float32) *Query {
	q := &Query{}
	rest := append([]float32(nil), x...)
	for w := range q.words {
		scale := step(rest)
		word := make([]int8, padded(len(x)))
		var sum int
		for k, v := range rest {
			c := code(v, scale)
			word[k] = int8(c)
			sum += c
			rest[k] = float32(float64(v) - float64(scale)*float64(c))
		}
		q.words[w], q.scale[w], q.sum[w] = word, float64(scale), float64(zero*sum)
	}
	// The subtractions above are rounded, so what is lost is measured against the vector itself.
	var lost, norm float64
	for k, v := range x {
		d := float64(v) - q.scale[0]*float64(q.words[0][k]) - q.scale[1]*float64(q.words[1][k])
		lost += d * d
		norm += float64(v) * float64(v)
	}
	q.lost, q.norm = float64(above(math.Sqrt(lost))), float64(above(math.Sqrt(norm)))
	return q
}

// Score is an approximate inner product, and how far it can be from the true one.
type Score struct{ Value, Bound float64 }

// Scores writes the products of the query with len(dst) rows from a row on.
func (r *Rows) Scores(dst []Score, q *Query, from int) {
	const some = 128
	var first, second [some]int32
	for at := 0; at < len(dst); at += some {
		n := min(some, len(dst)-at)
		rows := r.codes[(from+at)*r.stride : (from+at+n)*r.stride]
		r.kernel.dot(first[:n], q.words[0], rows)
		r.kernel.dot(second[:n], q.words[1], rows)
		for i := range n {
			row := from + at + i
			v := q.scale[0]*(float64(first[i])-q.sum[0]) + q.scale[1]*(float64(second[i])-q.sum[1])
			dst[at+i] = Score{float64(r.scale[row]) * v, r.bound(row, q.norm, q.lost)}
		}
	}
}

// bound is how far the product of a row's small form with a small form of a vector can be from the true product. With
// x = x' + r and y = y' + p, <x,y> - <x',y'> = <r,y> + <x',p>, and |x'| is at most |x| + |r|.
func (r *Rows) bound(row int, norm, lost float64) float64 {
	l := float64(r.lost[row])
	return (l*norm + (r.Longest+l)*lost) * (1 + 1e-9)
}

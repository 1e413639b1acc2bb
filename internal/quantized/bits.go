package quantized

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// Bits are rows in 1 bit an entry: the signs of the row minus the mean of all, after a fixed rotation (RaBitQ, Gao and Long, 2024). Their
// inner products are estimates without a bound, good for choosing candidates that are then scored from the full form.
type Bits struct {
	N, Dim int

	words  int // of 64 entries, with zeros after Dim
	centre []float32
	scale  []float32 // [N]; NaN: the row is zero
	codes  []uint64  // [N, words]
	turn   rotation

	counter counter
}

// NewBits makes the 1-bit form of rows [n, dim].
func NewBits(rows []float32, dim int) *Bits {
	n := len(rows) / dim
	b := &Bits{N: n, Dim: dim, words: padded(dim) / 64, scale: make([]float32, n), turn: newRotation(padded(dim)),
		counter: counters()[0]}
	b.codes, b.centre = make([]uint64, n*b.words), centreOf(rows, dim)
	const chunk = 256
	parallel.For((n+chunk-1)/chunk, func(c int) {
		x := make([]float32, padded(dim))
		for i := c * chunk; i < min((c+1)*chunk, n); i++ {
			b.set(i, rows[i*dim:(i+1)*dim], x)
		}
	})
	return b
}

// centreOf is the mean of the rows that are not zero.
func centreOf(rows []float32, dim int) []float32 {
	sums, n := make([]float64, dim), 0
	for from := 0; from+dim <= len(rows); from += dim {
		if vec.Norm(rows[from:from+dim]) > 0 {
			n++
		}
		for k, v := range rows[from : from+dim] {
			sums[k] += float64(v)
		}
	}
	out := make([]float32, dim)
	for k, s := range sums {
		out[k] = float32(s / float64(max(n, 1)))
	}
	return out
}

func (b *Bits) set(i int, row, x []float32) {
	clear(x)
	zero := true
	for k, v := range row {
		zero = zero && v == 0
		x[k] = v - b.centre[k]
	}
	if zero {
		b.scale[i] = float32(math.NaN())
		return
	}
	b.turn.apply(x)
	var norm, sum float64 // the squared length, and the product with the signs
	codes := b.codes[i*b.words : (i+1)*b.words]
	for k, v := range x {
		norm += float64(v) * float64(v)
		sum += math.Abs(float64(v))
		if v >= 0 {
			codes[k/64] |= 1 << (k % 64)
		}
	}
	if sum > 0 { // signs * scale has with the row the product that the row has with itself
		b.scale[i] = float32(norm / sum)
	}
}

// planes is the number of bits in which an entry of the query is kept.
const planes = 4

// BitQuery is a query for 1-bit codes.
type BitQuery struct {
	query  []float32
	planes []uint64 // [words/8, planes, 8]
	low    float64
	step   float64
	sum    float64 // of the entries as they are kept
}

// Query makes a query [dim] of rows of the same dimension.
func (b *Bits) Query(query []float32) *BitQuery {
	x := make([]float32, b.words*64)
	copy(x, query)
	b.turn.apply(x)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		low, high = min(low, float64(v)), max(high, float64(v))
	}
	q := &BitQuery{query: query, planes: make([]uint64, planeWords(b.words)), low: low, step: (high - low) / (1<<planes - 1)}
	for k, v := range x {
		level := 0
		if q.step > 0 {
			level = int(math.Round((float64(v) - low) / q.step))
		}
		q.sum += low + q.step*float64(level)
		for p := range planes {
			q.planes[plane(k/64, p)] |= uint64(level>>p&1) << (k % 64)
		}
	}
	return q
}

// counter counts what rows and a query have in common.
type counter struct {
	name string
	// count writes, for each row of words, its ones in the upper half and in the lower half those that it has in common with the planes,
	// times 1, 2, 4 and 8.
	count func(dst, planes, rows []uint64, words int)
}

// planeWords is the length of the planes of a query: for each 8 words of a row, 8 of each plane.
func planeWords(words int) int { return (words + 7) / 8 * 8 * planes }

// plane is the place of a word of a plane.
func plane(word, p int) int { return word/8*8*planes + p*8 + word%8 }

func plainCount(dst, planes, rows []uint64, words int) {
	for i := range dst {
		var ones, common int
		for w, x := range rows[i*words:][:words] {
			p := planes[plane(w, 0):][:25]
			ones += bits.OnesCount64(x)
			common += bits.OnesCount64(x&p[0]) + bits.OnesCount64(x&p[8])<<1 + bits.OnesCount64(x&p[16])<<2 + bits.OnesCount64(x&p[24])<<3
		}
		dst[i] = uint64(ones)<<32 | uint64(common)
	}
}

// Estimates estimates the inner products of a query with the rows from a row on; NaN for rows that are zero. The query was made by any
// Bits of the same dimension.
func (b *Bits) Estimates(dst []float32, q *BitQuery, from int) {
	const chunk = 256
	var counts [chunk]uint64
	centre := vec.Dot(q.query, b.centre)
	for ; len(dst) > 0; dst, from = dst[min(chunk, len(dst)):], from+chunk {
		n := min(chunk, len(dst))
		b.counter.count(counts[:n], q.planes, b.codes[from*b.words:], b.words)
		for i, c := range counts[:n] {
			positive := q.low*float64(c>>32) + q.step*float64(c&math.MaxUint32)
			dst[i] = float32(centre + float64(b.scale[from+i])*(2*positive-q.sum))
		}
	}
}

// Bytes is the memory of the rows.
func (b *Bits) Bytes() int64 { return 8*int64(len(b.codes)) + 4*int64(b.N+len(b.centre)) }

// rotation is a fixed orthogonal map: random signs and Walsh-Hadamard transforms of the first and of the last entries, in turns.
type rotation struct {
	part  int // the largest power of 2 that fits
	signs [rounds][]float32
}

const rounds = 3

func newRotation(n int) (r rotation) {
	r.part = 1 << (bits.Len(uint(n)) - 1)
	random := rand.New(rand.NewPCG(2, uint64(n)))
	for i := range r.signs {
		r.signs[i] = make([]float32, n)
		for k := range n {
			r.signs[i][k] = 1 - 2*float32(random.IntN(2))
		}
	}
	return r
}

// apply rotates x in place.
func (r rotation) apply(x []float32) {
	for i := range r.signs {
		for k, s := range r.signs[i] {
			x[k] *= s
		}
		hadamard(x[:r.part])
		if r.part < len(x) {
			hadamard(x[len(x)-r.part:])
		}
	}
}

// hadamard is the orthonormal Walsh-Hadamard transform of a power of 2 entries.
func hadamard(x []float32) {
	for h := 1; h < len(x); h *= 2 {
		for i := 0; i < len(x); i += 2 * h {
			for j := i; j < i+h; j++ {
				x[j], x[j+h] = x[j]+x[j+h], x[j]-x[j+h]
			}
		}
	}
	scale := float32(1 / math.Sqrt(float64(len(x))))
	for i := range x {
		x[i] *= scale
	}
}

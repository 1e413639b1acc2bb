package quantized

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/internal/vec"
)

// groups makes unit rows around common directions, as pictures of an index are.
func groups(r *rand.Rand, n, dim, each int) []float32 {
	rows := make([]float32, n*dim)
	centre := make([]float64, dim)
	for i := range n {
		x := make([]float64, dim)
		for k := range x {
			if i%each == 0 {
				centre[k] = r.NormFloat64() + 1
			}
			x[k] = centre[k] + 0.5*r.NormFloat64()
		}
		copy(rows[i*dim:], vec.Direction(unitOf(x)))
	}
	return rows
}

func unitOf(x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	for k := range x {
		x[k] /= math.Sqrt(sum)
	}
	return x
}

// TestEstimatesAreNearTheProducts: the error of RaBitQ's estimate is about 0.75/sqrt(dim) of the distance to the centre.
func TestEstimatesAreNearTheProducts(t *testing.T) {
	for _, dim := range []int{64, 100, 512, 768} {
		r := rand.New(rand.NewPCG(1, uint64(dim)))
		const n = 300
		rows := groups(r, n, dim, 10)
		clear(rows[7*dim : 8*dim])
		b := NewBits(rows, dim)
		source := Digest{1, 2}
		data := b.Encode(source)
		if err := VerifyBits(data); err != nil {
			t.Error(err)
		}
		c, err := DecodeBits(data, source, n, dim)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeBits(data, Digest{}, n, dim); !errors.Is(err, ErrSource) {
			t.Errorf("of another file: %v", err)
		}
		if _, err := DecodeBits(data[:len(data)-8], source, n, dim); err == nil {
			t.Error("a file cut short was read")
		}
		query := rows[20*dim : 21*dim]
		got, again := make([]float32, n), make([]float32, n-3)
		b.Estimates(got, b.Query(query), 0)
		c.Estimates(again, c.Query(query), 3)
		if !slices.EqualFunc(got[3:], again, func(a, b float32) bool { return a == b || a != a && b != b }) {
			t.Error("the file form has other estimates")
		}
		var sqr float64
		for i := range n {
			if i == 7 {
				if got[i] == got[i] {
					t.Errorf("a row of zeros has the estimate %v", got[i])
				}
				continue
			}
			d := float64(got[i]) - vec.Dot(query, rows[i*dim:(i+1)*dim])
			sqr += d * d
		}
		if deviation := math.Sqrt(sqr / n); deviation > 1.2/math.Sqrt(float64(dim)) {
			t.Errorf("dim %d: estimates are off by %.4f", dim, deviation)
		}
		lost := slices.Clone(data)
		binary.LittleEndian.PutUint32(lost[headerSize+n*padded(dim)/8:], math.Float32bits(float32(math.NaN())))
		if _, err := DecodeBits(lost, source, n, dim); err == nil {
			t.Error("a centre that is not finite was read")
		}
		data[200] ^= 1
		if VerifyBits(data) == nil {
			t.Error("a flipped bit wasn't seen")
		}
	}
}

// TestCountersCountBits compares all counters of this CPU with counts made bit by bit. What lies after a row, and in the planes after its
// words, must not be counted; dst has one more entry, which must stay.
func TestCountersCountBits(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	fills := []func() uint64{
		r.Uint64,
		func() uint64 { return r.Uint64() & r.Uint64() & r.Uint64() },
		func() uint64 { return math.MaxUint64 },
		func() uint64 { return 0 },
		func() uint64 { return 1<<63 | 1 },
		func() uint64 { return 1 << r.IntN(64) },
	}
	for words := 1; words <= 33; words++ {
		for _, n := range []int{1, 2, 3, 5, 8, 13} {
			for i, fill := range fills {
				for j, planeFill := range fills {
					rows, p := filled((n+1)*words, fill), filled(planeWords(words), planeFill)
					want := append(countsBitByBit(p, rows[:n*words], words), 77)
					for _, c := range counters() {
						got := make([]uint64, n+1)
						got[n] = 77
						if c.count(got[:n], p, rows, words); !slices.Equal(got, want) {
							t.Fatalf("%s, %d rows of %d words, fills %d and %d: %x, want %x", c.name, n, words, i, j, got, want)
						}
					}
				}
			}
		}
	}
}

func filled(n int, fill func() uint64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = fill()
	}
	return out
}

func countsBitByBit(p, rows []uint64, words int) (out []uint64) {
	for ; len(rows) > 0; rows = rows[words:] {
		var ones, common uint64
		for k := range words * 64 {
			if rows[k/64]>>(k%64)&1 == 0 {
				continue
			}
			ones++
			for level := range planes {
				common += p[plane(k/64, level)] >> (k % 64) & 1 << level
			}
		}
		out = append(out, ones<<32|common)
	}
	return out
}

func BenchmarkCounters(b *testing.B) {
	const n = 256
	r := rand.New(rand.NewPCG(1, 1))
	for _, words := range []int{8, 12, 16} {
		rows, p := filled(n*words, r.Uint64), filled(planeWords(words), r.Uint64)
		for _, c := range counters() {
			b.Run(fmt.Sprintf("%s/words=%d", c.name, words), func(b *testing.B) {
				dst := make([]uint64, n)
				b.SetBytes(8 * int64(len(rows)))
				for b.Loop() {
					c.count(dst, p, rows, words)
				}
			})
		}
	}
}

func BenchmarkEstimates(b *testing.B) {
	const n, dim = 100_000, 512
	rows := groups(rand.New(rand.NewPCG(1, 1)), 1000, dim, 10)
	small := NewBits(rows, dim)
	big := &Bits{N: n, Dim: dim, words: small.words, centre: small.centre, turn: small.turn, counter: small.counter}
	for len(big.scale) < n {
		big.scale, big.codes = append(big.scale, small.scale...), append(big.codes, small.codes...)
	}
	dst, q := make([]float32, n), big.Query(rows[:dim])
	b.SetBytes(big.Bytes())
	for b.Loop() {
		big.Estimates(dst, q, 0)
	}
}

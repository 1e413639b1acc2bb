package check

import (
	"math"
	"math/bits"
)

// spread describes positive numbers in constant memory. Quantiles are exact to 1.6 %.
type spread struct {
	n, sum   int64
	low, top int64
	bins     [64 * perOctave]int32
}

// perOctave is the number of bins between a power of two and the next.
const perOctave = 64

func (s *spread) add(v int64) {
	if v < 1 {
		return
	}
	if s.n == 0 || v < s.low {
		s.low = v
	}
	s.n, s.sum, s.top = s.n+1, s.sum+v, max(s.top, v)
	s.bins[bin(v)]++
}

// bin is the number of the bin of v > 0. Below perOctave each number has its own.
func bin(v int64) int {
	exponent := bits.Len64(uint64(v)) - 1
	mantissa := float64(v)/math.Exp2(float64(exponent)) - 1 // in [0, 1)
	return exponent*perOctave + int(mantissa*perOctave)
}

func (s *spread) join(o *spread) {
	if o.n == 0 {
		return
	}
	if s.n == 0 || o.low < s.low {
		s.low = o.low
	}
	s.n, s.sum, s.top = s.n+o.n, s.sum+o.sum, max(s.top, o.top)
	for i, n := range o.bins {
		s.bins[i] += n
	}
}

// quantile is the number below which a share of all are.
func (s *spread) quantile(share float64) int64 {
	rank := int64(math.Ceil(share * float64(s.n)))
	var seen int64
	for i, n := range s.bins {
		if seen += int64(n); n > 0 && seen >= rank {
			v := math.Exp2(float64(i/perOctave)) * (1 + float64(i%perOctave)/perOctave)
			return min(max(int64(math.Ceil(v)), s.low), s.top)
		}
	}
	return 0
}

// Spread describes numbers: the lowest, quantiles, and the highest.
type Spread struct {
	Low    int64   `json:"min"`
	P5     int64   `json:"p5"`
	Median int64   `json:"median"`
	P95    int64   `json:"p95"`
	High   int64   `json:"max"`
	Mean   float64 `json:"mean"`
}

func (s *spread) public() Spread {
	if s.n == 0 {
		return Spread{}
	}
	return Spread{s.low, s.quantile(0.05), s.quantile(0.5), s.quantile(0.95), s.top, float64(s.sum) / float64(s.n)}
}

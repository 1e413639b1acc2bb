package mixture

import "math/bits"

// Schedule deals the slots 0, 1, 2, ... out to sources by weight. Which source has a slot, and how many slots the source had before it,
// is a function of the weights, the phases and the slot, computed in O(log sources) from a table of two numbers for each source.
//
// The sources are divided into two halves again and again. Each division is a Bresenham line: of the first m slots of a node, its left
// half has floor(m*share + phase). So after any number of slots a half deviates from its share by less than one slot, and a source by
// less than one for each division above it. A random choice would deviate by the square root of the number of slots, and the number of a
// source's earlier slots could not be computed without counting them.
type Schedule struct {
	sources int
	// Of the division between sources m-1 and m, at index m: the left half's share and phase as fractions of 2^64.
	share, phase []uint64
}

// New is the schedule of sources with positive weights. phase gives a number for each division, which moves its line.
func New(weights []float64, phase func(division int) uint64) *Schedule {
	s := &Schedule{sources: len(weights), share: make([]uint64, len(weights)), phase: make([]uint64, len(weights))}
	for m := 1; m < len(weights); m++ {
		s.phase[m] = phase(m)
	}
	s.divide(weights, 0, len(weights))
	return s
}

// divide sets the shares of the divisions of sources [low, high) and returns the sum of their weights.
func (s *Schedule) divide(weights []float64, low, high int) float64 {
	if high-low == 1 {
		return weights[low]
	}
	m := middle(low, high)
	left, right := s.divide(weights, low, m), s.divide(weights, m, high)
	const one = 1 << 64
	// Between 1 and 2^64 - 1, so that each half gets slots.
	switch share := left / (left + right) * one; {
	case share < 1:
		s.share[m] = 1
	case share >= one:
		s.share[m] = 1<<64 - 1
	default:
		s.share[m] = uint64(share)
	}
	return left + right
}

func middle(low, high int) int { return (low + high) / 2 }

// left is the number of slots of a division's left half among its first n.
func (s *Schedule) left(division int, n uint64) uint64 {
	high, low := bits.Mul64(n, s.share[division])
	_, carry := bits.Add64(low, s.phase[division], 0)
	return high + carry
}

// At is the source of a slot and the number of the source's slots before it.
func (s *Schedule) At(slot uint64) (source int, before uint64) {
	low, high, n := 0, s.sources, slot
	for high-low > 1 {
		m := middle(low, high)
		if left := s.left(m, n); s.left(m, n+1) > left {
			high, n = m, left
		} else {
			low, n = m, n-left
		}
	}
	return low, n
}

// Before is the number of a source's slots among the slots before one.
func (s *Schedule) Before(source int, slot uint64) uint64 {
	low, high, n := 0, s.sources, slot
	for high-low > 1 {
		m := middle(low, high)
		if left := s.left(m, n); source < m {
			high, n = m, left
		} else {
			low, n = m, n-left
		}
	}
	return n
}

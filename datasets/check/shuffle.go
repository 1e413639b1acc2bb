package check

import "math/rand/v2"

// shuffle draws the numbers from 0 to n-1 in a random order, without repetition, in memory proportional to what was drawn.
type shuffle struct {
	random *rand.Rand
	n, at  int
	moved  map[int]int // numbers that were exchanged
}

func newShuffle(n int, seed uint64) *shuffle {
	return &shuffle{random: rand.New(rand.NewPCG(seed, 0x63686563)), n: n, moved: map[int]int{}}
}

// next is the next number; false if all were drawn.
func (s *shuffle) next() (int, bool) {
	if s.at == s.n {
		return 0, false
	}
	of := func(i int) int {
		if v, ok := s.moved[i]; ok {
			return v
		}
		return i
	}
	j := s.at + s.random.IntN(s.n-s.at)
	v := of(j)
	s.moved[j] = of(s.at)
	delete(s.moved, s.at) // never looked at again
	s.at++
	return v, true
}

// take draws at most n numbers that keep accepts.
func (s *shuffle) take(n int, keep func(int) bool) (out []int) {
	for len(out) < n {
		i, ok := s.next()
		if !ok {
			break
		}
		if keep(i) {
			out = append(out, i)
		}
	}
	return out
}

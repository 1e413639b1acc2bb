package components

import (
	"sync"
	"sync/atomic"
)

// Shared is Sets that several goroutines may use at once.
type Shared struct {
	up   []atomic.Int64 // as in Sets: a number is never below the one that it leads to
	join sync.Mutex
}

// NewShared makes n sets.
func NewShared(n int) *Shared {
	s := &Shared{up: make([]atomic.Int64, n)}
	for i := range s.up {
		s.up[i].Store(int64(i))
	}
	return s
}

func (s *Shared) first(i int64) int64 {
	for {
		up := s.up[i].Load()
		if up == i {
			return i
		}
		above := s.up[up].Load()
		if above != up {
			s.up[i].CompareAndSwap(up, above) // a shorter way, unless another goroutine has found one
		}
		i = up
	}
}

// First is the smallest number of the set that i is in.
func (s *Shared) First(i int) int { return int(s.first(int64(i))) }

// Linked tells whether two numbers are in one set. Two that are being linked may not be yet.
func (s *Shared) Linked(a, b int) bool { return s.first(int64(a)) == s.first(int64(b)) }

// Link joins the sets of two numbers. It returns false if they were in one before.
func (s *Shared) Link(a, b int) bool {
	s.join.Lock()
	defer s.join.Unlock()
	x, y := s.first(int64(a)), s.first(int64(b))
	s.up[max(x, y)].Store(min(x, y))
	return x != y
}

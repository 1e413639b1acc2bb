package components

import (
	"math/rand/v2"
	"testing"
)

// The sets of random links against a walk over all of them.
func TestSetsAreWhatIsLinked(t *testing.T) {
	const n = 60
	r := rand.New(rand.NewPCG(1, 2))
	s, linked := New(n), [n][n]bool{}
	for range 40 {
		a, b := r.IntN(n), r.IntN(n)
		s.Link(a, b)
		linked[a][b], linked[b][a] = true, true
	}
	for i := range n {
		least, seen, stack := i, map[int]bool{i: true}, []int{i}
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			least = min(least, at)
			for next := range n {
				if linked[at][next] && !seen[next] {
					seen[next] = true
					stack = append(stack, next)
				}
			}
		}
		if got := s.First(i); got != least {
			t.Errorf("the first of %d is %d, want %d", i, got, least)
		}
	}
}

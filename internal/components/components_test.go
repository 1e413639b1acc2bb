package components

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
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

// Goroutines that link and ask at once give the sets of one, and just as many links that joined two sets as there are fewer sets.
func TestSharedSetsAreThoseOfOneGoroutine(t *testing.T) {
	const n, workers = 2000, 4
	shared, want := NewShared(n), New(n)
	var joined atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		r := rand.New(rand.NewPCG(uint64(w), 1))
		pairs := make([][2]int, n/workers)
		for i := range pairs {
			pairs[i] = [2]int{r.IntN(n), r.IntN(n)}
			want.Link(pairs[i][0], pairs[i][1])
		}
		all.Go(func() {
			for _, p := range pairs {
				if !shared.Linked(p[0], p[1]) && shared.Link(p[0], p[1]) {
					joined.Add(1)
				}
			}
		})
	}
	all.Wait()
	sets := 0
	for i := range n {
		if want.First(i) == i {
			sets++
		}
		if !shared.Linked(i, want.First(i)) {
			t.Fatalf("%d is not linked to %d", i, want.First(i))
		}
		if other := (i + 1) % n; shared.Linked(i, other) != (want.First(i) == want.First(other)) {
			t.Fatalf("%d and %d: linked %t", i, other, shared.Linked(i, other))
		}
	}
	if int(joined.Load()) != n-sets || sets < 100 {
		t.Errorf("%d links joined sets, and %d sets are left of %d", joined.Load(), sets, n)
	}
}

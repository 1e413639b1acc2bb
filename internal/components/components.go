// Package components finds which things are linked, directly or through others.
package components

// Sets are disjoint sets of the numbers from 0 to n - 1, at first of one number each.
type Sets []int // a number that leads to the smallest of its set

// New makes n sets.
func New(n int) Sets {
	s := make(Sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// First is the smallest number of the set that i is in.
func (s Sets) First(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// Link joins the sets of two numbers.
func (s Sets) Link(a, b int) {
	a, b = s.First(a), s.First(b)
	s[max(a, b)] = min(a, b)
}

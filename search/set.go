package search

import "math/bits"

// Set is a set of row numbers, a bit for each row. The nil set has every row.
type Set []uint64

// NewSet is a set without rows, for the rows of an index.
func NewSet(rows int) Set { return make(Set, (rows+63)/64) }

// Add adds a row.
func (s Set) Add(row int) { s[row/64] |= 1 << (row % 64) }

// Has reports whether the set has a row.
func (s Set) Has(row int) bool { return s == nil || s[row/64]&(1<<(row%64)) != 0 }

// And returns the rows that both sets have.
func (s Set) And(other Set) Set {
	if s == nil || other == nil {
		return append(s, other...)
	}
	out := make(Set, len(s))
	for i := range s {
		out[i] = s[i] & other[i]
	}
	return out
}

// Count is the number of rows of a set that isn't nil.
func (s Set) Count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// Remove removes a row.
func (s Set) Remove(row int) { s[row/64] &^= 1 << (row % 64) }

// Or returns the rows that one of two sets has.
func (s Set) Or(other Set) Set {
	if s == nil || other == nil {
		return nil
	}
	out := make(Set, len(s))
	for i := range s {
		out[i] = s[i] | other[i]
	}
	return out
}

// Package trie finds the longest of many strings with which a text begins.
package trie

import "math/bits"

// None is no node, or no value.
const None = -1

// Root is the node of the empty string.
const Root = 0

// Trie maps strings to numbers; a node is a string that some key begins with. Its edges lie in one hash table, which is
// built in a few milliseconds for 100,000 keys and steps in one probe most of the time.
type Trie struct {
	slots  []uint64 // node (28 bits), byte (8), child (28); 0 is free
	shift  int
	values []int32 // of each node
}

const (
	childBits = 28
	maxNodes  = 1 << childBits
)

// New returns a trie without keys.
func New() *Trie {
	t := &Trie{values: []int32{None}}
	t.resize(1 << 10)
	return t
}

func (t *Trie) resize(n int) {
	old := t.slots
	t.slots, t.shift = make([]uint64, n), 64-bits.TrailingZeros(uint(n))
	for _, s := range old {
		if s != 0 {
			t.slots[t.find(s>>childBits)] = s
		}
	}
}

// find returns the slot that an edge is in, or the free one where it belongs.
func (t *Trie) find(edge uint64) int {
	i := int(edge * 0x9e3779b97f4a7c15 >> t.shift)
	for t.slots[i] != 0 && t.slots[i]>>childBits != edge {
		i = (i + 1) & (len(t.slots) - 1)
	}
	return i
}

// Add maps a key, in place of what it was mapped to. It returns false, and leaves the key out, when the trie is full
// (268 million nodes).
func (t *Trie) Add(key string, value int32) bool {
	node := int32(Root)
	for i := range len(key) {
		next := t.Step(node, key[i])
		if next == None {
			if len(t.values) == maxNodes {
				return false
			}
			if 2*len(t.values) > len(t.slots) {
				t.resize(2 * len(t.slots))
			}
			next = int32(len(t.values))
			t.values = append(t.values, None)
			edge := uint64(node)<<8 | uint64(key[i])
			t.slots[t.find(edge)] = edge<<childBits | uint64(next)
		}
		node = next
	}
	t.values[node] = value
	return true
}

// Step returns the node for one more byte, None if no key continues with it.
func (t *Trie) Step(node int32, b byte) int32 {
	edge := uint64(node)<<8 | uint64(b)
	i := int(edge * 0x9e3779b97f4a7c15 >> t.shift)
	for {
		s := t.slots[i]
		if s>>childBits == edge && s != 0 {
			return int32(s & (maxNodes - 1))
		}
		if s == 0 {
			return None
		}
		i = (i + 1) & (len(t.slots) - 1)
	}
}

// Value returns the value of the key that ends at a node, None if no key ends there.
func (t *Trie) Value(node int32) int32 {
	return t.values[node]
}

// Longest returns the longest key that a text begins with: its value and its length, None and 0 if there is none.
func (t *Trie) Longest(text string) (value int32, n int) {
	value = None
	node := int32(Root)
	for i := range len(text) {
		if node = t.Step(node, text[i]); node == None {
			break
		}
		if v := t.values[node]; v != None {
			value, n = v, i+1
		}
	}
	return value, n
}

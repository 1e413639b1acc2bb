package hf

import "math/bits"

// merge joins two symbols to one; a merge of a smaller rank comes first.
type merge struct{ rank, id int32 }

// mergeTable maps pairs of ids to merges: a hash table of fixed size that is at most half full, twice as fast as a map.
type mergeTable struct {
	slots []mergeSlot
	shift int
}

type mergeSlot struct {
	pair uint64
	to   merge
	used bool
}

func newMergeTable(n int) *mergeTable {
	size := 1 << bits.Len(uint(2*n+1))
	return &mergeTable{slots: make([]mergeSlot, size), shift: 64 - bits.TrailingZeros(uint(size))}
}

func key(left, right int32) uint64 { return uint64(left)<<32 | uint64(right) }

// slot returns the slot of a pair, or the free one where it belongs.
func (t *mergeTable) slot(pair uint64) *mergeSlot {
	i := pair * 0x9e3779b97f4a7c15 >> t.shift
	for t.slots[i].used && t.slots[i].pair != pair {
		i = (i + 1) & uint64(len(t.slots)-1)
	}
	return &t.slots[i]
}

func (t *mergeTable) set(pair uint64, to merge) {
	*t.slot(pair) = mergeSlot{pair, to, true}
}

func (t *mergeTable) get(pair uint64) (merge, bool) {
	s := t.slot(pair)
	return s.to, s.used
}

// merge merges the symbols: the lowest rank first, and of equal ones the leftmost. It takes O(n log n) time.
func (w *merger) merge(merges *mergeTable) {
	w.symbols, w.queue = w.symbols[:0], w.queue[:0]
	for i, id := range w.ids {
		w.symbols = append(w.symbols, symbol{id: id, prev: int32(i) - 1, next: int32(i) + 1})
	}
	if len(w.symbols) == 0 {
		return
	}
	w.symbols[len(w.symbols)-1].next = -1
	for i := range w.symbols[1:] {
		w.offer(merges, int32(i))
	}
	for len(w.queue) > 0 {
		c := w.queue.pop()
		at := int32(c.order & (1<<32 - 1))
		s := &w.symbols[at]
		if s.gone || s.next < 0 {
			continue
		}
		if now, ok := merges.get(key(s.id, w.symbols[s.next].id)); !ok || now.id != c.id {
			continue // a neighbor changed since
		}
		right := &w.symbols[s.next]
		right.gone = true
		s.id, s.next = c.id, right.next
		if s.next >= 0 {
			w.symbols[s.next].prev = at
		}
		if s.prev >= 0 {
			w.offer(merges, s.prev)
		}
		w.offer(merges, at)
	}
}

// offer queues the merge of the symbol at a position with its right neighbor, if there is such a merge.
func (w *merger) offer(merges *mergeTable, at int32) {
	s := w.symbols[at]
	if s.next < 0 {
		return
	}
	if m, ok := merges.get(key(s.id, w.symbols[s.next].id)); ok {
		w.queue.push(candidate{uint64(m.rank)<<32 | uint64(at), m.id})
	}
}

// candidate is a possible merge: its order (the rank in the high bits, the position of the left symbol in the low ones) and its result.
type candidate struct {
	order uint64
	id    int32
}

// queue is a heap with the least order first.
type queue []candidate

func (q *queue) push(c candidate) {
	h := append(*q, c)
	at := len(h) - 1
	for at > 0 {
		up := (at - 1) / 2
		if h[up].order <= c.order {
			break
		}
		h[at] = h[up]
		at = up
	}
	h[at] = c
	*q = h
}

func (q *queue) pop() candidate {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	at := 0
	for {
		down := 2*at + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].order < h[down].order {
			down++
		}
		if last.order <= h[down].order {
			break
		}
		h[at] = h[down]
		at = down
	}
	if len(h) > 0 {
		h[at] = last
	}
	*q = h
	return top
}

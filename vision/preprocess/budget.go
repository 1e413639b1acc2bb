package preprocess

import (
	"runtime"
	"sync"
)

// budget shares memory among the pictures that are being decoded. Each reserves what its decoder will take at most, and waits while the
// others leave too little. Pictures wait in the order in which they came, so that a large one is not passed by small ones for ever.
type budget struct {
	mu      sync.Mutex
	changed sync.Cond
	next    int // ticket of the next picture that comes
	turn    int // ticket of the picture that reserves next
	used    int // bytes that are reserved
	kept    []*memory
	garbage int // bytes that were released since the last collection and not kept
}

// memory is a picture's memory, which the next picture reuses.
type memory struct{ pixels, turned, line []uint8 }

func (m *memory) bytes() int { return cap(m.pixels) + cap(m.turned) + cap(m.line) }

// shared is the budget of the process, because memory is the process's.
var shared = sync.OnceValue(newBudget)

func newBudget() *budget {
	b := new(budget)
	b.changed.L = &b.mu
	return b
}

// The memory that is kept for the next pictures is a part of the limit, and so is what may wait for the garbage collector.
const keptShare, garbageShare = 2, 4

// reserve waits until n bytes, or the whole of a smaller limit, are free.
func (b *budget) reserve(n, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ticket := b.next
	b.next++
	for b.turn != ticket || b.used > 0 && b.used+n > limit {
		b.changed.Wait()
	}
	b.turn++
	b.used += n
	b.changed.Broadcast()
}

// take returns memory of an earlier picture, or none. It drops what is kept in addition, if all is more than the limit.
func (b *budget) take(limit int) *memory {
	m := new(memory)
	b.mu.Lock()
	if last := len(b.kept) - 1; last >= 0 {
		m, b.kept = b.kept[last], b.kept[:last]
	}
	for len(b.kept) > 0 && b.used+b.keptBytes() > limit {
		b.garbage += b.kept[0].bytes()
		b.kept = b.kept[1:]
	}
	b.mu.Unlock()
	b.collect(limit)
	return m
}

// release ends a reservation of n bytes. m is kept for the next picture if it is small enough.
func (b *budget) release(n, limit int, m *memory) {
	b.mu.Lock()
	keep := 0
	switch {
	case m == nil:
	case m.bytes()+b.keptBytes() <= limit/keptShare:
		b.kept = append(b.kept, m)
		keep = m.bytes()
	default:
		*m = memory{} // whoever still refers to m doesn't keep the pixels
	}
	b.garbage += max(n-keep, 0)
	b.mu.Unlock()
	b.collect(limit)
	b.mu.Lock()
	b.used -= n
	b.changed.Broadcast()
	b.mu.Unlock()
}

// collect frees what large pictures left, before others reserve it. The Go runtime by itself would let garbage grow to the size of all live
// memory.
func (b *budget) collect(limit int) {
	b.mu.Lock()
	much := b.garbage > limit/garbageShare
	if much {
		b.garbage = 0
	}
	b.mu.Unlock()
	if much {
		runtime.GC()
	}
}

func (b *budget) keptBytes() (n int) {
	for _, m := range b.kept {
		n += m.bytes()
	}
	return n
}

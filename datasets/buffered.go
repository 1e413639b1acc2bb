package datasets

// DefaultBuffer is the number of samples among which those of a Stream are shuffled.
const DefaultBuffer = 2048

// buffered is the order of one epoch of a stream: its parts in random order, their samples one after another through a buffer, out of which
// they are taken at random. It is a function of the seed, the epoch, the parts and the size of the buffer.
type buffered struct {
	parts  []int
	order  permutation // of the parts
	size   int
	random uint64
	held   []int // the buffer
	taken  uint64
	part   uint64 // in the order; the next sample to go into the buffer is the next one of it
	next   int
}

func newBuffered(parts []int, size int, seed, epoch uint64) *buffered {
	b := &buffered{parts: parts, order: newPermutation(len(parts), seed, epoch), size: size, random: mix(seed, epoch, 0, bufferKey)}
	b.next = b.begin(0)
	return b
}

// begin is the first sample of the k-th part of the order; 0 behind the last.
func (b *buffered) begin(k uint64) int {
	if k >= b.order.n {
		return 0
	}
	return firstOf(b.parts, int(b.order.at(k)))
}

// take is the next sample of the epoch.
func (b *buffered) take() int {
	for len(b.held) < b.size && b.part < b.order.n {
		if b.next == b.parts[b.order.at(b.part)] {
			b.part++
			b.next = b.begin(b.part)
			continue
		}
		b.held = append(b.held, b.next)
		b.next++
	}
	last := len(b.held) - 1
	i := scramble(b.random+b.taken) % uint64(len(b.held))
	out := b.held[i]
	b.held[i], b.held = b.held[last], b.held[:last]
	b.taken++
	return out
}

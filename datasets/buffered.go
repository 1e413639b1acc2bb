package datasets

// DefaultBuffer is the number of samples among which those of a Stream are shuffled.
const DefaultBuffer = 2048

// bufferBytes is the size of all pictures in the buffer above which it takes no more of them.
const bufferBytes = 1 << 30

// buffered is the order of one epoch of a stream: its parts in random order, their samples one after another through a buffer, out of which
// they are taken at random. It is a function of the seed, the epoch, the parts, the sizes of the pictures and the size of the buffer.
type buffered struct {
	parts  []int
	bytes  func(i int) int64 // size of a picture
	order  permutation       // of the parts
	size   int
	random uint64
	held   []int // the buffer
	filled int64 // bytes of its pictures
	taken  uint64
	part   uint64 // in the order; the next sample to go into the buffer is the next one of it
	next   int
}

func newBuffered(parts []int, bytes func(i int) int64, size int, seed, epoch uint64) *buffered {
	b := &buffered{
		parts: parts, bytes: bytes, order: newPermutation(len(parts), seed, epoch), size: size, random: mix(seed, epoch, 0, bufferKey),
	}
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
	for len(b.held) < b.size && (b.filled < bufferBytes || len(b.held) == 0) && b.part < b.order.n {
		if b.next == b.parts[b.order.at(b.part)] {
			b.part++
			b.next = b.begin(b.part)
			continue
		}
		b.held = append(b.held, b.next)
		b.filled += b.bytes(b.next)
		b.next++
	}
	last := len(b.held) - 1
	i := scramble(b.random+b.taken) % uint64(len(b.held))
	out := b.held[i]
	b.held[i], b.held = b.held[last], b.held[:last]
	b.filled -= b.bytes(out)
	b.taken++
	return out
}

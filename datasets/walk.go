package datasets

import "context"

// place is where a sample comes from.
type place struct {
	epoch uint64 // of the loader or, with factors, the number of earlier passes over the part
	index int    // in the source
	salt  uint64 // of a replacement, makes its random choices differ from those of the same sample in its own slot; else 0
}

// walk maps slots to places. It holds the order of one epoch or, with factors, of one pass over each part, and, with pools, one pool.
type walk struct {
	loader *Loader
	epoch  uint64
	order  permutation
	parts  []int     // of a stream; nil: the source has random access
	stream *buffered // its order
	dealt  *dealt    // with factors
	from   int64     // first slot of the pool
	pool   []pooled  // of the slots from there on; empty before the first pool and without pools
	buffer *sample   // to tokenize captions
}

func (l *Loader) newWalk() walk {
	w := walk{loader: l}
	if s, ok := streamOf(l.Source); ok {
		w.parts = s.Parts()
	}
	return w
}

// at is the place of a slot and, with a pool, its text if that can be used.
func (w *walk) at(ctx context.Context, slot int64) (place, *text) {
	if w.loader.Pool == 0 {
		return w.plain(slot), nil
	}
	if len(w.pool) == 0 || slot < w.from || slot >= w.from+int64(len(w.pool)) {
		w.fill(ctx, slot)
	}
	p := &w.pool[slot-w.from]
	return p.place, p.text
}

// plain is the place of a slot without pools.
func (w *walk) plain(slot int64) place {
	if len(w.loader.Factors) > 0 {
		return w.weighted(slot)
	}
	n := w.loader.Source.Len()
	epoch, offset := uint64(slot)/uint64(n), uint64(slot)%uint64(n)
	if w.loader.Order == Sequential {
		return place{epoch: epoch, index: int(offset)}
	}
	if w.parts != nil {
		return place{epoch: epoch, index: w.streamed(epoch, offset)}
	}
	if w.order.n == 0 || w.epoch != epoch {
		w.epoch, w.order = epoch, newPermutation(n, w.loader.Seed, epoch)
	}
	return place{epoch: epoch, index: int(w.order.at(offset))}
}

// streamed is the sample at an offset in an epoch of a stream. It is found from the sample before it, or else from the epoch's beginning.
func (w *walk) streamed(epoch, offset uint64) int {
	l := w.loader
	if w.stream == nil || w.epoch != epoch || w.stream.taken > offset {
		w.epoch, w.stream = epoch, newBuffered(w.parts, l.pictureBytes, l.buffer(), l.Seed, epoch)
	}
	for w.stream.taken < offset {
		w.stream.take()
	}
	return w.stream.take()
}

package datasets

import (
	"cmp"
	"slices"
)

// place is where a sample comes from.
type place struct {
	epoch uint64
	index int // in the source
}

// walk turns positions into places; it keeps the order of the epoch, and the pool, that it is in.
type walk struct {
	loader  *Loader
	epoch   uint64
	order   permutation
	from    int64   // position of the pool's first sample
	pool    []place // of the samples from there on; empty before the first, and without pools
	measure *sample // what captions are measured with
}

// at gives the place of a position.
func (w *walk) at(position int64) place {
	if w.loader.Pool == 0 {
		return w.plain(position)
	}
	if len(w.pool) == 0 || position < w.from || position >= w.from+int64(len(w.pool)) {
		w.fill(position)
	}
	return w.pool[position-w.from]
}

// plain is the place of a position without pools.
func (w *walk) plain(position int64) place {
	n := w.loader.Source.Len()
	epoch, offset := uint64(position)/uint64(n), uint64(position)%uint64(n)
	if w.loader.Order == Sequential {
		return place{epoch, int(offset)}
	}
	if w.order.n == 0 || w.epoch != epoch {
		w.epoch, w.order = epoch, newPermutation(n, w.loader.Seed, epoch)
	}
	return place{epoch, int(w.order.at(offset))}
}

// measured is a sample whose picture has not been read.
type measured struct {
	place
	position int64 // without pools
	tokens   int
}

// fill makes the pool of a position: the same samples as without pools, sorted by length and dealt out to the pool's
// batches, which get their lengths by chance. Pools and batches are counted from position 0 on, and an epoch's end ends
// a pool, so that an epoch has each sample once. Within a batch the epoch's order stays: lanes have equal work.
func (w *walk) fill(position int64) {
	n, size, batch := int64(w.loader.Source.Len()), w.loader.poolSize(), int64(w.loader.BatchSize)
	epoch := position / n
	w.from = max(position/size*size, epoch*n)
	end := min((w.from/size+1)*size, (epoch+1)*n)
	samples := w.survey(end)

	w.pool = slices.Grow(w.pool[:0], len(samples))[:len(samples)]
	first, last := w.from/batch, (end-1)/batch
	order := newPermutation(int(last-first+1), mix(w.loader.Seed, uint64(epoch), uint64(w.from), poolKey), uint64(epoch))
	for i := range order.n {
		b := first + int64(order.at(i))
		low, high := max(b*batch, w.from), min((b+1)*batch, end)
		own := samples[:high-low]
		samples = samples[high-low:]
		slices.SortFunc(own, func(a, b measured) int { return cmp.Compare(a.position, b.position) })
		for k, s := range own {
			w.pool[low-w.from+int64(k)] = s.place
		}
	}
}

// survey lists the samples of a pool that ends before a position, the shortest first.
func (w *walk) survey(end int64) []measured {
	samples := make([]measured, 0, end-w.from)
	for p := w.from; p < end; p++ {
		at := w.plain(p)
		samples = append(samples, measured{at, p, w.tokens(at)})
	}
	slices.SortStableFunc(samples, func(a, b measured) int { return cmp.Compare(a.tokens, b.tokens) })
	return samples
}

// tokens is how many a sample's text will have; 0 where it can't be used, which is told when it is read.
func (w *walk) tokens(at place) (n int) {
	defer func() {
		if recover() != nil {
			n = 0
		}
	}()
	l := w.loader
	e := l.Source.Entry(at.index)
	if e.Bad != "" {
		return 0
	}
	if w.measure == nil {
		_, captions := l.sides()
		w.measure = &sample{ids: make([]int32, captions*l.ContextLength)}
	}
	w.measure.place = at
	l.readText(w.measure, e)
	return w.measure.used
}

// mostPooled bounds Pool; it is far beyond what is useful.
const mostPooled = 1 << 30

// poolSize is Pool in whole batches.
func (l *Loader) poolSize() int64 {
	batch := int64(l.BatchSize)
	return (int64(l.Pool) + batch - 1) / batch * batch
}

package datasets

import (
	"cmp"
	"context"
	"slices"
)

// pooled is a sample of a pool. Its picture has not been read.
type pooled struct {
	place
	slot   int64 // without pools
	tokens int   // of its text, or of its replacement's
	text   *text // nil where the sample can't be used
}

// fill makes the pool of a slot: the same samples as without pools, sorted by token count and cut into the pool's batches. The order of
// these batches is random. Pools and batches are counted from slot 0. A pool ends with its epoch, so that an epoch has each sample once.
// Within a batch the samples keep the epoch's order, so that micro-batches have about the same number of tokens.
func (w *walk) fill(ctx context.Context, slot int64) {
	n, size, batch := int64(w.loader.Source.Len()), w.loader.poolSize(), w.loader.globalBatch()
	epoch := slot / n
	w.from = max(slot/size*size, epoch*n)
	end := min((w.from/size+1)*size, (epoch+1)*n)
	samples := w.survey(ctx, end)

	w.pool = make([]pooled, len(samples)) // not reused: workers still hold texts of the previous pool
	first, last := w.from/batch, (end-1)/batch
	order := newPermutation(int(last-first+1), mix(w.loader.Seed, uint64(epoch), uint64(w.from), poolKey), uint64(epoch))
	for i := range order.n {
		b := first + int64(order.at(i))
		low, high := max(b*batch, w.from), min((b+1)*batch, end)
		own := samples[:high-low]
		samples = samples[high-low:]
		slices.SortFunc(own, func(a, b pooled) int { return cmp.Compare(a.slot, b.slot) })
		copy(w.pool[low-w.from:], own)
	}
}

// survey lists the samples of the pool that ends before a slot, the shortest first.
func (w *walk) survey(ctx context.Context, end int64) []pooled {
	samples := make([]pooled, 0, end-w.from)
	for slot := w.from; slot < end; slot++ {
		samples = append(samples, w.look(ctx, slot))
	}
	slices.SortStableFunc(samples, func(a, b pooled) int { return cmp.Compare(a.tokens, b.tokens) })
	return samples
}

// look tokenizes the text of a slot. A sample whose entry can't be used counts with the tokens of its replacement. A panic counts as 0
// tokens; it is reported when the sample is read.
func (w *walk) look(ctx context.Context, slot int64) (p pooled) {
	l := w.loader
	p = pooled{place: w.plain(slot), slot: slot}
	defer func() {
		if recover() != nil {
			p.tokens, p.text = 0, nil
		}
	}()
	if w.buffer == nil {
		w.buffer = l.newSample()
	}
	at := p.place
	e, err := l.Source.Entry(ctx, at.index)
	for try := 0; err != nil || e.Bad != ""; try++ {
		if try == tries || w.parts != nil || ctx.Err() != nil {
			return p
		}
		at = l.replacement(p.place, try)
		e, err = l.Source.Entry(ctx, at.index)
	}
	w.buffer.place = at
	l.readText(w.buffer, e)
	if p.tokens = w.buffer.used; at == p.place {
		p.text = w.buffer.keep()
	}
	return p
}

// mostPooled is the limit of Pool, far above useful values.
const mostPooled = 1 << 30

// poolSize is Pool rounded up to whole batches of all processes.
func (l *Loader) poolSize() int64 {
	batch := l.globalBatch()
	return (int64(l.Pool) + batch - 1) / batch * batch
}

package datasets

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// sequence reads the pictures of a stream for a loader's slots, forward only. Pictures that come before their slot does are held: those in
// the shuffle buffer and those of the loader's pool.
type sequence struct {
	stream Stream
	loader *Loader
	epoch  uint64
	begun  bool
	order  permutation // of the parts; n 0: their own order
	part   int         // the next one, in the order
	passed []bool      // samples of the first epoch that belong to slots before the first one
	held   map[int]Reading
	next   func() (Reading, bool)
	stop   func()
}

// newSequence begins at a slot. It is nil if the source isn't read in sequence.
func newSequence(l *Loader) *sequence {
	stream, ok := streamOf(l.Source)
	if !ok {
		return nil
	}
	return &sequence{stream: stream, loader: l, held: map[int]Reading{}, stop: func() {}}
}

// take reads the picture of a slot's sample.
func (q *sequence) take(ctx context.Context, slot int64, p place) *Reading {
	if !q.begun || q.epoch != p.epoch {
		q.begin(slot, p.epoch)
	}
	for {
		if r, ok := q.held[p.index]; ok {
			delete(q.held, p.index)
			return &r
		}
		r, ok := q.read(ctx)
		if !ok {
			return &Reading{Index: p.index, Err: errors.Join(ctx.Err(), errors.New("it was not found where it was read before"))}
		}
		if r.Index == p.index {
			return &r
		}
		q.held[r.Index] = r
	}
}

// begin begins an epoch. Samples before the first slot are passed over, and so are the parts that have no others.
func (q *sequence) begin(slot int64, epoch uint64) {
	q.stop()
	clear(q.held)
	q.next, q.stop, q.part, q.passed = nil, func() {}, 0, nil
	if l := q.loader; l.Order == Shuffled {
		q.order = newPermutation(len(q.stream.Parts()), l.Seed, epoch)
	}
	if !q.begun {
		q.passed = q.before(slot, epoch)
	}
	q.begun, q.epoch = true, epoch
}

// before are the samples of the epoch's slots before a slot or, with pools, before its pool.
func (q *sequence) before(slot int64, epoch uint64) []bool {
	l, n := q.loader, int64(q.loader.Source.Len())
	if l.Pool > 0 {
		slot = slot / l.poolSize() * l.poolSize()
	}
	first := int64(epoch) * n
	if slot <= first {
		return nil
	}
	out, w := make([]bool, n), l.newWalk()
	for at := first; at < slot; at++ {
		out[w.plain(at).index] = true
	}
	return out
}

func (q *sequence) want(i int) bool { return q.passed == nil || !q.passed[i] }

// read reads the next picture of the epoch.
func (q *sequence) read(ctx context.Context) (Reading, bool) {
	for {
		if q.next != nil {
			if r, ok := q.next(); ok {
				return r, true
			}
			q.stop()
			q.next, q.stop = nil, func() {}
		}
		parts := q.stream.Parts()
		if q.part == len(parts) || ctx.Err() != nil {
			return Reading{}, false
		}
		part := q.part
		if q.order.n > 0 {
			part = int(q.order.at(uint64(part)))
		}
		q.part++
		q.next, q.stop = iter.Pull(q.stream.Part(ctx, part, q.want)) // nothing is opened for a part of which nothing is wanted
	}
}

// wanted reports whether one of the samples [from, to) is.
func (q *sequence) wanted(from, to int) bool {
	for i := from; i < to; i++ {
		if q.want(i) {
			return true
		}
	}
	return false
}

// pictureBytes is the size of a sample's picture as it is held; 0 if it isn't known or the picture isn't read.
func (l *Loader) pictureBytes(i int) int64 {
	e, err := l.Source.Entry(context.Background(), i)
	if err != nil || e.Bad != "" || e.Size > pictureLimit {
		return 0
	}
	return e.Size
}

// Replay says what batches that begin at a slot read again before their first one. It is empty if that is nothing.
func (l *Loader) Replay(from int64) string {
	n := int64(max(1, l.Source.Len()))
	stream, ok := streamOf(l.Source)
	if u := newUncounted(l); u != nil && from%n > 0 {
		return fmt.Sprintf("the data can only be read in sequence: reading again up to sample %d of epoch %d, without decoding",
			from%n, from/n)
	}
	if !ok || from%n == 0 {
		return ""
	}
	q := sequence{stream: stream, loader: l}
	q.passed = q.before(from, uint64(from/n))
	again := 0
	for part, end := range stream.Parts() {
		if q.wanted(firstOf(stream.Parts(), part), end) {
			again++
		}
	}
	return fmt.Sprintf("the data can only be read in sequence: reading again up to sample %d of epoch %d, without decoding; "+
		"%d of %d parts are done with and are not read", from%n, from/n, len(stream.Parts())-again, len(stream.Parts()))
}

// close ends the reading.
func (q *sequence) close() {
	if q != nil {
		q.stop()
	}
}

package datasets

import (
	"context"
	"iter"
)

// uncountedOrder gives the slots of a loader the samples of an uncounted source: the archives in random order, and their samples as they
// leave a buffer. Each epoch begins anew, and goes through the archives again if they hold less than an epoch.
type uncountedOrder struct {
	source *uncounted
	loader *Loader
	epoch  uint64
	begun  bool
	pass   uint64 // through the archives, in the epoch
	order  permutation
	part   uint64 // the next one of the pass
	held   []Reading
	filled int64 // bytes of what is held
	read   int   // samples in the epoch
	before int   // samples in the epoch before this pass
	taken  int   // slots of the epoch
	next   func() (Reading, bool)
	stop   func()
}

// newUncounted is nil if the loader's source is counted.
func newUncounted(l *Loader) *uncountedOrder {
	source, ok := l.Source.(*uncounted)
	if !ok {
		return nil
	}
	return &uncountedOrder{source: source, loader: l, stop: func() {}}
}

// take is the sample of a slot. Those of the epoch's slots before it are read and left.
func (u *uncountedOrder) take(ctx context.Context, slot int64) (place, *Reading) {
	n := int64(u.source.n)
	epoch, offset := uint64(slot/n), int(slot%n)
	if !u.begun || epoch != u.epoch || offset < u.taken {
		u.begin(epoch)
	}
	for u.taken < offset && ctx.Err() == nil {
		u.pop(ctx)
	}
	r := u.pop(ctx)
	return place{epoch: epoch, index: r.Index}, &r
}

func (u *uncountedOrder) begin(epoch uint64) {
	u.stop()
	*u = uncountedOrder{source: u.source, loader: u.loader, epoch: epoch, begun: true, stop: func() {}}
	u.shuffle()
}

// shuffle orders the archives for a pass.
func (u *uncountedOrder) shuffle() {
	u.part, u.before = 0, u.read
	u.order = newPermutation(len(u.source.files), u.loader.Seed, mix(0, u.epoch, u.pass, bufferKey))
}

// pop takes the next sample out of the buffer.
func (u *uncountedOrder) pop(ctx context.Context) Reading {
	u.taken++
	size := 1
	if u.loader.Order == Shuffled {
		size = u.loader.buffer()
	}
	for {
		for len(u.held) < size && (u.filled < bufferBytes || len(u.held) == 0) && u.fill(ctx) {
		}
		if len(u.held) > 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return Reading{Err: err, entry: &Entry{}}
		}
		if u.read == u.before {
			return Reading{Err: &DataError{Source: u.source.info.Name, Reason: "it holds no samples"}, entry: &Entry{}}
		}
		if u.loader.Order == Sequential { // nothing is evaluated twice
			return Reading{Err: fewer(u.read, u.source), entry: &Entry{}}
		}
		u.pass++
		u.shuffle()
	}
	random := mix(u.loader.Seed, u.epoch, 0, bufferKey) + uint64(u.taken)
	i, last := scramble(random)%uint64(len(u.held)), len(u.held)-1
	out := u.held[i]
	u.held[i], u.held[last] = u.held[last], Reading{}
	u.held = u.held[:last]
	u.filled -= int64(len(out.Picture.File))
	return out
}

// fill reads the next sample of the pass into the buffer. It returns false at its end.
func (u *uncountedOrder) fill(ctx context.Context) bool {
	for ctx.Err() == nil {
		if u.next != nil {
			if r, ok := u.next(); ok {
				r.Index = u.read
				u.held, u.filled, u.read = append(u.held, r), u.filled+int64(len(r.Picture.File)), u.read+1
				return true
			}
			u.stop()
			u.next, u.stop = nil, func() {}
		}
		if u.part == u.order.n {
			return false
		}
		part := int(u.part)
		if u.loader.Order == Shuffled {
			part = int(u.order.at(u.part))
		}
		u.part++
		u.next, u.stop = iter.Pull(u.source.Part(ctx, part))
	}
	return false
}

func (u *uncountedOrder) close() {
	if u != nil {
		u.stop()
	}
}

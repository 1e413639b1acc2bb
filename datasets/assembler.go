package datasets

import "context"

// assembler joins slots into batches.
type assembler struct {
	loader *Loader
	ready  chan result
	spent  chan buffers
	part   stride
	made   int64  // batches sent
	batch  *Batch // being filled; nil between two
	slots  int    // of the batch, so far
	limit  SkipLimit
}

// result is what the stream yields: one batch or the error that ends it.
type result struct {
	batch *Batch
	err   error
}

// buffers are the slices of a batch that are reused.
type buffers struct {
	pixels []uint8
	ids    []int32
	drop   []uint64
}

func newAssembler(l *Loader, part stride) *assembler {
	// At most queue batches are ready, one is with the caller, one is being filled.
	return &assembler{loader: l, part: part, limit: l.SkipLimit(), ready: make(chan result, l.queue()),
		spent: make(chan buffers, l.queue()+2)}
}

// run delivers batches until the samples end, the data is refused, or the context is done.
func (a *assembler) run(ctx context.Context, p pipeline) {
	defer close(a.ready)
	for s := range p.ordered {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
		}
		if ctx.Err() != nil || !a.take(ctx, s) {
			return
		}
		p.free <- s // never blocks: has room for all samples
	}
	if ctx.Err() == nil && a.made < a.part.batches() { // the last batch has no slot of this process
		a.begin()
		a.finish(ctx)
	}
}

// take adds a slot. It returns false at the end of the stream.
func (a *assembler) take(ctx context.Context, s *sample) bool {
	if a.batch == nil {
		a.begin()
	}
	if s.refused != nil {
		a.send(ctx, result{&Batch{Next: s.slot, Skipped: a.batch.Skipped, SkippedAt: a.batch.SkippedAt}, s.refused})
		return false
	}
	a.slots++
	a.batch.Next = s.slot + 1
	a.batch.Slots = append(a.batch.Slots, s.own)
	if s.skip != nil {
		a.batch.Skipped, a.batch.SkippedAt = append(a.batch.Skipped, *s.skip), append(a.batch.SkippedAt, s.slot)
		if err := a.count(s); err != nil {
			a.send(ctx, result{&Batch{Next: a.batch.Next, Skipped: a.batch.Skipped, SkippedAt: a.batch.SkippedAt}, err})
			return false
		}
	}
	if s.usable {
		a.append(s)
	}
	if own, _ := a.part.batch(a.made); a.slots < own {
		return true
	}
	return a.finish(ctx)
}

// count enters a skip. What the other processes skip isn't known here, so that their limit is not.
func (a *assembler) count(s *sample) error {
	if a.loader.World > 1 {
		return nil
	}
	return a.limit.Count(s.slot, *s.skip)
}

// finish sends the batch, which has all of this process's slots.
func (a *assembler) finish(ctx context.Context) bool {
	full := a.batch
	_, full.Next = a.part.batch(a.made)
	a.batch, a.slots = nil, 0
	a.made++
	return a.send(ctx, result{batch: full})
}

func (a *assembler) send(ctx context.Context, r result) bool {
	select {
	case <-ctx.Done():
		return false
	case a.ready <- r:
		return true
	}
}

// receive waits for the next result. Once the context is done, its error is the result.
func (a *assembler) receive(ctx context.Context) (r result, open bool) {
	select {
	case <-ctx.Done():
	case r, open = <-a.ready:
	}
	if err := ctx.Err(); err != nil {
		return result{err: err}, true
	}
	return r, open
}

// begin starts an empty batch.
func (a *assembler) begin() {
	l := a.loader
	var b buffers
	select {
	case b = <-a.spent:
	default:
		b = buffers{pixels: make([]uint8, 0, l.BatchSize*l.Size*l.Size*3), drop: make([]uint64, 0, l.BatchSize)}
		if l.Tokens != nil {
			b.ids = make([]int32, 0, l.BatchSize*l.ContextLength)
		}
	}
	a.batch = &Batch{
		Pixels: b.pixels[:0], IDs: b.ids[:0], DropKeys: b.drop[:0], ContextLength: l.ContextLength,
		Lengths: make([]int, 0, l.BatchSize), Captions: make([]string, 0, l.BatchSize),
		Index: make([]int, 0, l.BatchSize), Entries: make([]Entry, 0, l.BatchSize), Slots: make([]Slot, 0, l.BatchSize),
	}
	if l.Order == Sequential {
		a.batch.DropKeys = nil
	}
}

func (a *assembler) append(s *sample) {
	b := a.batch
	b.N++
	b.Pixels = append(b.Pixels, s.pixels...)
	b.IDs = append(b.IDs, s.ids...)
	b.MaxTokens = max(b.MaxTokens, s.used)
	b.Lengths = append(b.Lengths, s.used)
	b.Captions = append(b.Captions, s.caption)
	b.Index = append(b.Index, s.index)
	b.Entries = append(b.Entries, s.entry)
	if a.loader.Order == Shuffled {
		b.DropKeys = append(b.DropKeys, s.drop)
	}
	if a.loader.Pairs == nil {
		b.Alike = append(b.Alike, s.alike)
	}
	if s.cut {
		b.Shortened++
	}
	if s.skip != nil {
		b.Replaced++
	}
}

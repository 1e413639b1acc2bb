package datasets

import (
	"context"
	"fmt"
	"strings"
)

// assembler joins slots into batches and counts the slots whose samples can't be used.
type assembler struct {
	loader *Loader
	length int
	ready  chan result
	spent  chan buffers
	batch  *Batch // being filled; nil between two
	slots  int    // of the batch, so far
	tally
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

// tally counts the unusable samples.
type tally struct {
	epoch   int64
	skipped int      // in this epoch
	inRow   int      // since the last slot whose own sample was usable
	reasons []string // the first few of this epoch
}

func newAssembler(l *Loader) *assembler {
	// At most queue batches are ready, one is with the caller, one is being filled.
	return &assembler{loader: l, length: l.Source.Len(), ready: make(chan result, l.queue()), spent: make(chan buffers, l.queue()+2)}
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
	if ctx.Err() == nil && a.batch != nil {
		a.send(ctx, result{batch: a.batch})
	}
}

// take adds a slot. It returns false at the end of the stream.
func (a *assembler) take(ctx context.Context, s *sample) bool {
	if epoch := s.slot / int64(a.length); a.epoch != epoch {
		a.epoch, a.skipped, a.reasons = epoch, 0, nil
	}
	if a.batch == nil {
		a.begin()
	}
	if s.refused != nil {
		a.send(ctx, result{&Batch{Next: s.slot, Skipped: a.batch.Skipped}, s.refused})
		return false
	}
	a.slots++
	a.batch.Next = s.slot + 1
	a.batch.Slots = append(a.batch.Slots, s.own)
	if s.skip == nil {
		a.inRow = 0
	} else {
		a.batch.Skipped = append(a.batch.Skipped, *s.skip)
		if err := a.count(*s.skip); err != nil {
			a.send(ctx, result{&Batch{Next: a.batch.Next, Skipped: a.batch.Skipped}, err})
			return false
		}
	}
	if s.usable {
		a.append(s)
	}
	if a.slots < a.loader.BatchSize {
		return true
	}
	full := a.batch
	a.batch, a.slots = nil, 0
	return a.send(ctx, result{batch: full})
}

// count enters a skip into the tally; it returns an error once there are too many.
func (a *assembler) count(s Skip) error {
	const most = 3 // reasons in the error
	a.skipped++
	a.inRow++
	if len(a.reasons) < most {
		a.reasons = append(a.reasons, s.Key+": "+s.Reason)
	}
	if a.inRow >= a.length {
		return a.dataError(fmt.Sprintf("none of %d samples can be used", a.length))
	}
	limit := a.loader.MaxSkip
	if !TooMany(a.skipped, a.length, limit) {
		return nil
	}
	return a.dataError(fmt.Sprintf("%d of %d samples can't be used, more than %.4g %%", a.skipped, a.length, 100*limit))
}

// TooMany reports whether the unusable samples are more than a share, 0 to 1, of all.
func TooMany(skipped, all int, share float64) bool {
	const roundoff = 1e-12 // 0.29 * 100 is less than 29 in float64
	return !(share >= 1 || float64(skipped) <= share*float64(all)*(1+roundoff))
}

func (a *assembler) dataError(what string) error {
	return &DataError{Source: a.loader.Source.Info().Name, Reason: what + "; " + strings.Join(a.reasons, "; ")}
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

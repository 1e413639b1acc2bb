package datasets

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
)

// Loader turns a source's samples into batches.
//
// The epochs' orders, one behind the other without end, are slots 0, 1, 2, ...: slot epoch * length + offset holds the sample
// at that offset of the epoch's order. A batch is a range of slots, whatever was unusable before it, so that any process
// can make any batch by itself. What a slot holds depends on the source, Seed, Order, Pool and (with Pool) BatchSize, never
// on Workers, Queue or timing: every random choice is a hash of (Seed, epoch, index, purpose).
//
// A sample that can't be used is a Skip of its slot. Shuffled, another sample, drawn by (Seed, epoch, index of the unusable
// one, try), takes its place; the slot stays empty where none of 16 tries can be used. Sequential, the slot stays empty, so that an
// evaluation has each sample once. The account of a range of slots is therefore exact:
//
//	slots = samples in batches + skips - replacements
//
// and each epoch has each sample present once in its own slot, used or with a Skip. That a replacement is tried and can't
// be used either is no further Skip: it has a slot of its own.
type Loader struct {
	Source        Source
	Pairs         Preferences // the source again, where each sample goes in with both its sides; nil: one picture, one caption
	Seed          uint64
	BatchSize     int
	Workers       int // goroutines that read and decode; 0: one a processor
	Queue         int // batches made ready ahead; 0: 2
	Size          int // pixels of a side
	ContextLength int // ids of a caption
	Order         Order
	// Pool is over how many samples captions are sorted by length, so that a batch has similar ones and little padding; it
	// is rounded up to whole batches. Captions are tokenized before any picture is read. 0: they aren't sorted.
	Pool int
	// MaxSkip is the share of an epoch's samples that may turn out unusable before the data is refused; 1 never refuses. A
	// replaced sample counts as unusable.
	MaxSkip float64
	// Pixels fills [Size, Size, 3] from a picture; what it draws at random comes from key. An error skips the sample.
	Pixels func(dst []uint8, p Picture, key uint64) error
	// Tokens fills ContextLength ids from a caption and returns how many it used and whether the caption was cut. Without
	// it batches have no ids.
	Tokens func(dst []int32, caption string) (n int, cut bool)
}

// Batches streams the slots [from, to) in batches of BatchSize slots, of which the last may have fewer: batch i is the slots
// from from + i * BatchSize on. An epoch's end does not end a batch. Starting again at a batch's Next gives the batches
// behind it; Batches(ctx, k*BatchSize, (k+1)*BatchSize) is batch k of a stream from slot 0. A batch whose slots are all
// empty holds no samples, only Skipped.
//
// The stream ends with a *DataError where the source returns one, where as many slots in a row as an epoch has hold unusable samples or, within what it saw
// of one epoch, more than MaxSkip do; the batch that comes with the error holds no samples, only the Skipped that
// were not delivered yet. The stream ends with the context's error soon after the context is done. When it has ended, so
// have its goroutines.
func (l *Loader) Batches(ctx context.Context, from, to int64) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if err := l.check(from, to); err != nil {
			yield(nil, err)
			return
		}
		if from == to {
			return
		}
		inner, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		a := newAssembler(l)
		running.Go(func() { a.run(inner, l.samples(inner, &running, from, to)) })
		for {
			r, open := a.receive(ctx)
			if !open || !yield(r.batch, r.err) || r.err != nil {
				return
			}
			a.spent <- buffers{r.batch.Pixels, r.batch.IDs, r.batch.DropKeys} // has room for all
		}
	}
}

func (l *Loader) check(from, to int64) error {
	switch {
	case l.Source == nil || l.Pixels == nil:
		return fmt.Errorf("loader: source or pixel function is missing")
	case l.BatchSize < 1 || l.Size < 1 || l.Workers < 0 || l.Queue < 0 || l.ContextLength < 0:
		return fmt.Errorf("loader: batch of %d pictures of %d pixels with %d ids by %d workers, queue of %d: a number is too small",
			l.BatchSize, l.Size, l.ContextLength, l.Workers, l.Queue)
	case l.Pool < 0 || l.Pool > mostPooled:
		return fmt.Errorf("loader: a pool of %d samples is not between 0 and %d", l.Pool, mostPooled)
	case l.Pool > 0 && (l.Tokens == nil || l.Order == Sequential):
		return fmt.Errorf("loader: a pool needs captions with ids, and an order that is free")
	case from < 0 || to < from:
		return fmt.Errorf("loader: there are no slots from %d to %d", from, to)
	case l.Source.Len() == 0:
		return &DataError{Source: l.Source.Info().Name, Reason: "there are no samples"}
	}
	return nil
}

func (l *Loader) workers() int {
	if l.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return l.Workers
}

func (l *Loader) queue() int {
	if l.Queue == 0 {
		return 2
	}
	return l.Queue
}

// lookahead is how many samples a worker may be ahead of the slowest one, so that a large picture holds up few others.
const lookahead = 4

// pipeline hands out samples in order while workers fill them in any order. A fixed number circulates.
type pipeline struct {
	ordered <-chan *sample
	free    chan *sample
}

// samples starts the goroutines that read the slots [from, to).
func (l *Loader) samples(ctx context.Context, running *sync.WaitGroup, from, to int64) pipeline {
	workers := l.workers()
	count := int(min(int64(lookahead*workers), to-from))
	free, ordered, jobs := make(chan *sample, count), make(chan *sample, count), make(chan *sample, count)
	for range count {
		free <- l.newSample()
	}
	running.Go(func() {
		defer close(ordered)
		defer close(jobs)
		w := walk{loader: l}
		for slot := from; slot < to; slot++ {
			select {
			case <-ctx.Done():
				return
			case s := <-free:
				s.slot = slot
				s.place, s.known = w.at(ctx, slot)
				ordered <- s // neither blocks: both have room for all samples
				jobs <- s
			}
		}
	})
	for range min(workers, count) {
		running.Go(func() {
			for s := range jobs {
				l.fill(ctx, s)
				s.done <- struct{}{}
			}
		})
	}
	return pipeline{ordered, free}
}

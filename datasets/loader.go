package datasets

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"clipgo/internal/fault"
)

// Loader turns a source's samples into batches.
//
// The samples of epoch 0, 1, 2, ... in each epoch's order fill slots 0, 1, 2, ... without end: slot epoch * length + offset holds the
// sample at that offset of the epoch's order. A batch is a range of slots, independent of how many samples before it were unusable, so
// any process can make any batch by itself. The content of a slot depends on the source, Seed, Order, Pool and (with Pool) BatchSize,
// never on Workers, Queue or timing: every random choice is a hash of (Seed, epoch, index, purpose).
//
// A sample that can't be used gives a Skip for its slot. With Order Shuffled another sample takes its place, drawn by (Seed, epoch, index
// of the unusable sample, try); if none of 16 tries can be used, the slot stays empty. With Order Sequential the slot stays empty, so
// that an evaluation has each sample once. A Stream has no other samples to offer, so that its slots stay empty too. For any range of
// slots
//
//	slots = samples in batches + skips - replacements
//
// and in each epoch each sample of the source has one slot of its own, where it is used or has a Skip. A replacement that can't be used
// either gives no further Skip, since it has a slot of its own. With Factors this holds for each part and pass in place of the epoch. An
// epoch then is as many slots as the source has samples, and a replacement is drawn from the part of the unusable sample.
//
// A Stream is read in sequence by one goroutine. With Order Shuffled its parts come in random order, and slots hold the samples as they
// leave a buffer of Buffer samples. Batches that don't start with an epoch read the epoch's parts again up to their first slot, without
// decoding pictures; parts whose samples all come before it are not read.
type Loader struct {
	Source    Source
	Pairs     Preferences // the same source, if its samples are pairs; nil: each sample is one picture and one caption
	Seed      uint64
	BatchSize int
	// Rank and World are the number of this process, from 0 on, and that of all processes that read the same slots together, each
	// BatchSize slots of a batch of World*BatchSize (see Batches). World 0 is 1.
	Rank, World   int
	Workers       int // goroutines that decode, and of data that is on this machine read; 0: GOMAXPROCS
	Queue         int // batches made in advance; 0: 2
	Size          int // width and height of the pictures in pixels
	ContextLength int // ids of each caption
	Order         Order
	// Factors weight the parts of a mixture, with Order Shuffled: a part is drawn in proportion to its factor times its number of samples.
	// Each part has passes of its own through its samples. nil: each sample has one slot an epoch.
	Factors []float64
	// Pool is the number of samples that are sorted by caption length, so that a batch has captions of similar length and little padding.
	// It is rounded up to whole batches. The captions of a pool are tokenized before any of its pictures is read. 0: not sorted.
	Pool int
	// Buffer is the number of samples among which those of a Stream are shuffled, 0: DefaultBuffer. They are in memory undecoded, and fewer
	// if their files are larger than 1 GB together.
	Buffer int
	// MaxSkip is the share of an epoch's samples, 0 to 1, that may be unusable. If there are more, the stream ends with an error. A
	// sample that was replaced counts as unusable. Where World is larger than 1 a process sees only its own, and nothing ends the stream
	// here: a SkipLimit counts those of all processes.
	MaxSkip float64
	// Pixels fills dst, [Size, Size, 3], from a picture. Its random choices are functions of key. An error skips the sample.
	Pixels func(dst []uint8, p Picture, key uint64) error
	// Tokens fills dst, [ContextLength], from a caption. It returns the number of ids before the padding and whether the caption was cut.
	// nil: batches have no ids.
	Tokens func(dst []int32, caption string) (n int, cut bool)
}

// Batches streams the slots [from, to) in batches of BatchSize slots; the last batch may have fewer. Batch i begins at slot
// from + i * BatchSize. A batch may continue from one epoch into the next. A stream that starts at a batch's Next gives the batches after
// it, and Batches(ctx, k*BatchSize, (k+1)*BatchSize) is batch k of a stream from slot 0. A batch whose slots are all empty has N 0 and its
// Skipped.
//
// With World processes batch i is the slots from + i*World*BatchSize on. Each process has BatchSize of them, in the order of the ranks. A
// batch's Next and the number of batches are the same in all processes, and N may be 0 in some. A source that is read in sequence is read
// by each process as a whole.
//
// The stream ends with a *DataError if the source returns one, if as many consecutive slots as an epoch has hold unusable samples, or if
// more than MaxSkip of one epoch's samples, of those in [from, to), are unusable. The batch that comes with the error has no samples,
// only the Skipped that were not delivered yet. The stream ends with the context's error soon after the context is done. When it has
// ended, its goroutines have ended too.
func (l *Loader) Batches(ctx context.Context, from, to int64) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if err := l.check(from, to); err != nil {
			yield(nil, err)
			return
		}
		if from == to {
			return
		}
		part := l.stride(from, to)
		inner, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		a := newAssembler(l, part)
		running.Go(func() { a.run(inner, l.samples(inner, &running, part)) })
		for {
			r, open := a.receive(ctx)
			if !open || !yield(r.batch, r.err) || r.err != nil {
				return
			}
			a.spent <- buffers{r.batch.Pixels, r.batch.IDs, r.batch.DropKeys} // never blocks: has room for all
		}
	}
}

func (l *Loader) check(from, to int64) error {
	switch {
	case l.Source == nil || l.Pixels == nil:
		return fmt.Errorf("loader: source or pixel function is missing")
	case l.BatchSize < 1 || l.Size < 1 || l.Workers < 0 || l.Queue < 0 || l.ContextLength < 0 || l.Buffer < 0:
		return fmt.Errorf("loader: batch of %d pictures of %d pixels with %d ids by %d workers, queue of %d: a number is too small",
			l.BatchSize, l.Size, l.ContextLength, l.Workers, l.Queue)
	case l.World < 0 || l.Rank < 0 || l.Rank >= max(1, l.World):
		return fmt.Errorf("loader: there is no process %d of %d", l.Rank, l.World)
	case l.Pool < 0 || l.Pool > mostPooled:
		return fmt.Errorf("loader: a pool of %d samples is not between 0 and %d", l.Pool, mostPooled)
	case l.Pool > 0 && (l.Tokens == nil || l.Order == Sequential):
		return fmt.Errorf("loader: a pool needs captions with ids, and an order that is free")
	case l.Pool > 0 && newUncounted(l) != nil:
		return fault.Usagef("%s: samples that are not counted before they are read can't be sorted by the length of their captions",
			l.Source.Info().Name)
	case from < 0 || to < from:
		return fmt.Errorf("loader: there are no slots from %d to %d", from, to)
	case l.Source.Len() == 0:
		return &DataError{Source: l.Source.Info().Name, Reason: "there are no samples"}
	}
	return l.checkFactors()
}

func (l *Loader) workers() int {
	if _, stream := streamOf(l.Source); !stream && InSequence(l.Source) { // two would begin it anew again and again
		return 1
	}
	if l.Workers == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return l.Workers
}

func (l *Loader) buffer() int {
	if l.Buffer == 0 {
		return DefaultBuffer
	}
	return l.Buffer
}

func (l *Loader) queue() int {
	if l.Queue == 0 {
		return 2
	}
	return l.Queue
}

// lookahead is the number of samples in flight for each goroutine that reads, so that one large picture delays few others.
const lookahead = 4

// remoteReaders is the number of goroutines that read pictures from elsewhere, most of which wait for a server. Of them no more than
// Workers decode at a time.
const remoteReaders = 16

// readers is the number of goroutines that read.
func (l *Loader) readers() int {
	if waits(l.Source) {
		return max(l.workers(), remoteReaders)
	}
	return l.workers()
}

// pipeline delivers samples in order while workers fill them in any order. A fixed number of samples circulates.
type pipeline struct {
	ordered <-chan *sample
	free    chan *sample
}

// samples starts the goroutines that read this process's slots.
func (l *Loader) samples(ctx context.Context, running *sync.WaitGroup, part stride) pipeline {
	readers, decoders := l.readers(), make(chan struct{}, l.workers())
	count := int(min(int64(lookahead*readers), part.slots()))
	free, ordered, jobs := make(chan *sample, count), make(chan *sample, count), make(chan *sample, count)
	for range count {
		s := l.newSample()
		s.decoders = decoders
		free <- s
	}
	running.Go(func() {
		defer close(ordered)
		defer close(jobs)
		l.locate(ctx, part, free, func(s *sample) {
			ordered <- s // neither send blocks: both channels have room for all samples
			jobs <- s
		})
	})
	for range min(readers, count) {
		running.Go(func() {
			for s := range jobs {
				l.fill(ctx, s)
				s.done <- struct{}{}
			}
		})
	}
	return pipeline{ordered, free}
}

// locate finds the sample of each of this process's slots. Those of other processes are passed over; a source that is read in sequence
// is read there, too.
func (l *Loader) locate(ctx context.Context, part stride, free <-chan *sample, use func(*sample)) {
	w, parts := l.newWalk(), spans(l.Source)
	q, u := newSequence(l), newUncounted(l)
	defer q.close()
	defer u.close()
	for slot := part.from; slot < part.to && ctx.Err() == nil; slot++ {
		if !part.has(slot) {
			if q != nil {
				at, _ := w.at(ctx, slot)
				q.take(ctx, slot, at)
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case s := <-free:
			s.slot = slot
			if u != nil {
				s.place, s.given = u.take(ctx, slot)
			} else if s.place, s.known = w.at(ctx, slot); q != nil {
				s.given = q.take(ctx, slot, s.place)
			}
			s.own = Slot{Part: partOf(parts, s.index), Pass: int64(s.epoch)}
			use(s)
		}
	}
}

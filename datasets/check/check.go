package check

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"

	"clipgo/datasets"
	"clipgo/datasets/store"
	"clipgo/internal/parallel"
)

// Run checks a source. If ctx is done, or the source can't be read any more (a *datasets.DataError), the result is of what was read until
// then, and the error says why.
func Run(ctx context.Context, s datasets.Source, o Options) (*Result, error) {
	c := newChecker(s, o)
	err := c.run(ctx)
	return c.result(ctx, err == nil), err
}

// checker is the state of a check.
type checker struct {
	Options
	source datasets.Source
	seed   maphash.Seed
	bad    []uint64 // a bit for each sample that is known to be unusable

	sequence *sync.Mutex // of reading pictures in their order; nil: in any
	next     int         // the next one in sequence

	counts   counts
	problems problems
	texts    *textTally
	pictures *pictureTally
	data     Data
	files    []mark
	pixels   []mark
	shown    []Shown
	seconds  float64 // of decoding
}

func newChecker(s datasets.Source, o Options) *checker {
	c := &checker{Options: o, source: s, seed: maphash.MakeSeed(), bad: make([]uint64, (s.Len()+63)/64), problems: problems{}}
	c.texts, c.pictures = newTextTally(&c.Options, c.seed), newPictureTally(o.Preprocess.Size)
	c.counts.present = s.Len()
	if datasets.InSequence(s) {
		c.sequence = new(sync.Mutex)
	}
	return c
}

// run reads entries, headers and pictures.
func (c *checker) run(ctx context.Context) error {
	if err := c.readEntries(ctx); err != nil {
		return err
	}
	if c.All {
		return c.decodeAll(ctx)
	}
	draws := newShuffle(c.source.Len(), c.Seed)
	var headed []int // in random order, with a good header
	if c.Headers > 0 && c.headersAreCheap(ctx) {
		drawn := draws.take(c.Headers, c.good)
		if err := c.readHeaders(ctx, drawn); err != nil {
			return err
		}
		for _, i := range drawn {
			if c.good(i) {
				headed = append(headed, i)
			}
		}
	} else {
		headed = draws.take(mostRounds*c.Sample, c.good)
	}
	return c.decodeSample(ctx, headed)
}

// headersAreCheap reports whether headers are read in far less time than pictures: of files of this machine.
func (c *checker) headersAreCheap(ctx context.Context) bool {
	if !datasets.ReadsParts(c.source) {
		return false
	}
	const some = 20
	for _, i := range newShuffle(c.source.Len(), c.Seed).take(some, c.good) {
		if e, err := c.entry(ctx, i); err == nil && store.IsRemote(e.File) {
			return false
		}
	}
	return true
}

func (c *checker) good(i int) bool { return atomic.LoadUint64(&c.bad[i/64])>>(i%64)&1 == 0 }

// refuse counts a sample that can't be used.
func (c *checker) refuse(p problems, kind Kind, i int, e datasets.Entry, reason string) {
	atomic.OrUint64(&c.bad[i/64], 1<<(i%64))
	if e.Key == "" {
		e.Key = fmt.Sprintf("sample %d", i)
	}
	p.add(kind, i, e, reason)
}

// each calls f for the numbers from 0 to n-1 on the check's goroutines, with the number of the goroutine. The first error of f ends it, and
// so does ctx.
func (c *checker) each(ctx context.Context, what string, n int, f func(worker, i int) error) error {
	set, finished := func(int64) {}, func() {}
	if c.Progress != nil {
		set, finished = c.Progress(what, int64(n))
	}
	defer finished()
	var done atomic.Int64
	var once sync.Once
	var failed error
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	parallel.Workers(max(c.Workers, 1), n, func(worker int, indices iter.Seq[int]) {
		for i := range indices {
			if inner.Err() != nil {
				return
			}
			if err := f(worker, i); err != nil {
				once.Do(func() { failed = err })
				cancel()
				return
			}
			if n := done.Add(1); worker == 0 {
				set(n)
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	return failed
}

// fatal is the error if it ends the check: not that of one sample.
func fatal(ctx context.Context, err error) error {
	if refused := (*datasets.DataError)(nil); ctx.Err() != nil || errors.As(err, &refused) {
		return err
	}
	return nil
}

// entry reads an entry. A panic of the source costs this sample alone.
func (c *checker) entry(ctx context.Context, i int) (e datasets.Entry, err error) {
	defer caught(&err)
	return c.source.Entry(ctx, i)
}

// picture reads a picture with its entry.
func (c *checker) picture(ctx context.Context, i int) (e datasets.Entry, p datasets.Picture, err error) {
	defer caught(&err)
	if e, err = c.source.Entry(ctx, i); err == nil {
		p, err = c.source.Picture(ctx, i)
	}
	return e, p, err
}

func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}

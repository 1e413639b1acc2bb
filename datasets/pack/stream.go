package pack

import (
	"clipgo/datasets"
	"context"
	"sync"
)

// stream reads samples on several goroutines and returns them in their order.
type stream struct {
	order chan chan *sample
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// samplesAhead is the number of samples for each goroutine that are ready or being made. It limits the memory for their files.
const samplesAhead = 2

func (r *reader) stream(ctx context.Context, from, workers int) *stream {
	ctx, stop := context.WithCancel(ctx)
	if datasets.InSequence(r.source) { // several would begin it anew again and again
		workers = 1
	}
	s := &stream{order: make(chan chan *sample, samplesAhead*workers), stop: stop}
	type job struct {
		index int
		done  chan *sample
	}
	jobs := make(chan job)
	s.work.Go(func() {
		defer close(s.order)
		defer close(jobs)
		for i := from; i < r.source.Len() && ctx.Err() == nil; i++ {
			j := job{i, make(chan *sample, 1)}
			select {
			case s.order <- j.done:
			case <-ctx.Done():
				return
			}
			jobs <- j // a worker takes it, or sees that ctx is done
		}
	})
	for range workers {
		s.work.Go(func() {
			for j := range jobs {
				j.done <- r.read(ctx, j.index)
			}
		})
	}
	return s
}

// next is the next sample; nil after the last one. Its err is set if there are no more samples for another reason.
func (s *stream) next(ctx context.Context) *sample {
	done, more := <-s.order
	if !more {
		if ctx.Err() != nil {
			return &sample{err: ctx.Err()}
		}
		return nil
	}
	return <-done
}

// close ends the goroutines.
func (s *stream) close() {
	s.stop()
	for range s.order {
	}
	s.work.Wait()
}

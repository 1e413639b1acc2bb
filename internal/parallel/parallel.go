// Package parallel runs a loop's iterations on several goroutines. Each goroutine takes the next index that nobody has
// taken yet, so that slow iterations don't hold the others up.
package parallel

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls f(i) once for each i in [0, n), on as many goroutines as Go uses processors, and returns when all calls have.
func For(n int, f func(i int)) {
	Workers(runtime.GOMAXPROCS(0), n, func(_ int, indices iter.Seq[int]) {
		for i := range indices {
			f(i)
		}
	})
}

// Workers shares the indices [0, n) out among workers goroutines, or n where that is less, and returns when all are done.
// Each calls work once, with its own number, which is below workers, and the indices that it takes. Work that stops early
// leaves the remaining indices to the others.
func Workers(workers, n int, work func(worker int, indices iter.Seq[int])) {
	workers = min(workers, n)
	var next atomic.Int64
	indices := func(yield func(int) bool) {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			if !yield(int(i)) {
				return
			}
		}
	}
	if workers == 1 {
		work(0, indices)
		return
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() { work(w, indices) })
	}
	all.Wait()
}

package parallel

import (
	"iter"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		calls := make([]atomic.Int32, n)
		For(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if c := calls[i].Load(); c != 1 {
				t.Errorf("n %d: index %d has %d calls", n, i, c)
			}
		}
	}
}

func TestWorkersHaveNumbersOfTheirOwn(t *testing.T) {
	for _, c := range []struct{ workers, n, want int }{{4, 100, 4}, {4, 2, 2}, {4, 0, 0}, {1, 5, 1}} {
		calls := make([]atomic.Int32, c.workers)
		var indices atomic.Int32
		Workers(c.workers, c.n, func(w int, mine iter.Seq[int]) {
			calls[w].Add(1)
			for range mine {
				indices.Add(1)
			}
		})
		var total int32
		for w := range calls {
			total += calls[w].Load()
			if calls[w].Load() > 1 {
				t.Errorf("%+v: worker %d works %d times", c, w, calls[w].Load())
			}
		}
		if int(total) != c.want || int(indices.Load()) != c.n {
			t.Errorf("%+v: %d workers, %d indices", c, total, indices.Load())
		}
	}
}

// Two iterations that wait for each other end only if they run at the same time.
func TestWorkersRunTogether(t *testing.T) {
	met := make(chan bool)
	done := make(chan bool)
	go func() {
		Workers(2, 2, func(_ int, mine iter.Seq[int]) {
			for i := range mine {
				if i == 0 {
					met <- true
				} else {
					<-met
				}
			}
		})
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the iterations run one after the other")
	}
}

func TestWhoStopsEarlyLeavesTheRest(t *testing.T) {
	var taken atomic.Int32
	stopped := make(chan bool)
	Workers(2, 10, func(w int, mine iter.Seq[int]) {
		if w == 1 {
			<-stopped
		}
		for range mine {
			taken.Add(1)
			if w == 0 {
				break
			}
		}
		if w == 0 {
			close(stopped)
		}
	})
	if taken.Load() != 10 {
		t.Errorf("%d of 10 indices were taken", taken.Load())
	}
}

package datasets

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestTooManyUnusableSamplesAreRefused(t *testing.T) {
	for _, c := range []struct {
		n, bad  int
		limit   float64
		refused string
	}{
		{100, 1, 0.01, ""},
		{100, 2, 0.01, "2 of 100 samples can't be used, more than 1 %; key0: broken 0; key1: broken 1"},
		{100, 1, 0, "1 of 100 samples can't be used, more than 0 %; key0: broken 0"},
		{100, 0, 0, ""},
		{100, 29, 0.29, ""}, // 0.29 * 100 < 29 in floating point
		{100, 30, 0.29, "30 of 100 samples can't be used, more than 29 %; key0: broken 0; key1: broken 1; key2: broken 2"},
		{100, 99, 1, ""},
		{100, 100, 1, "none of 100 samples can be used; key0: broken 0; key1: broken 1; key2: broken 2"},
		{1, 1, 0.01, "none of 1 samples can be used; key0: broken 0"},
	} {
		f := &fake{n: c.n, reasons: map[int]string{}}
		for i := range c.bad {
			f.reasons[i] = fmt.Sprint("broken ", i)
		}
		l := f.loader()
		l.Order, l.MaxSkip = Sequential, c.limit
		batches, err := all(t, l, 0, 3*int64(c.n)) // the count begins anew in each epoch
		if c.refused == "" {
			if err != nil {
				t.Errorf("%d of %d, limit %g: %v", c.bad, c.n, c.limit, err)
			}
			continue
		}
		var data *DataError
		if !errors.As(err, &data) || data.Reason != c.refused || data.Source != "fake" {
			t.Errorf("%d of %d, limit %g: %v", c.bad, c.n, c.limit, err)
		}
		delivered := 0
		for _, b := range batches {
			delivered += len(b.Skipped)
		}
		if last := batches[len(batches)-1]; last.N != 0 || delivered > c.bad || delivered == 0 {
			t.Errorf("%d of %d, limit %g: %d skips were delivered, last batch of %d", c.bad, c.n, c.limit, delivered, last.N)
		}
	}
}

func TestBatchesBeforeTheRefusalAreDelivered(t *testing.T) {
	f := &fake{n: 10, reasons: map[int]string{1: "x", 4: "x"}}
	l := f.loader()
	l.Order, l.BatchSize, l.MaxSkip = Sequential, 3, 0.1
	batches, err := all(t, l, 0, 10)
	if err == nil || len(batches) != 2 || !slices.Equal(batches[0].Index, []int{0, 2}) ||
		len(batches[0].Skipped) != 1 || len(batches[1].Skipped) != 1 {
		t.Errorf("%+v, %v", batches, err)
	}
}

func TestARangeWithoutUsableSamplesIsAnEmptyBatch(t *testing.T) {
	f := &fake{n: 100, reasons: map[int]string{3: "x", 4: "y"}}
	l := f.loader()
	l.Order = Sequential
	batches := good(t, l, 3, 5)
	if len(batches) != 1 || batches[0].N != 0 || len(batches[0].Skipped) != 2 || batches[0].Next != 5 {
		t.Errorf("%+v", batches)
	}
}

// leave takes one batch of many.
func leave(t *testing.T, l *Loader) {
	t.Helper()
	for _, err := range l.Batches(t.Context(), 0, 1000) {
		if err != nil {
			t.Error(err)
		}
		break
	}
}

// settles waits for goroutines to be no more than before.
func settles(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	f := &fake{n: 100, reasons: badSamples(100, 0.1, 1)}
	refusing := f.loader()
	refusing.MaxSkip = 0
	if _, err := all(t, refusing, 0, 1000); err == nil {
		t.Error("nothing was refused")
	}
	leave(t, f.loader())
	good(t, f.loader(), 0, 1000)
	settles(t, before)
}

// So that the source can be closed behind the loop.
func TestNothingIsReadAfterTheStream(t *testing.T) {
	var busy atomic.Int64
	for range 20 {
		l := (&fake{n: 100}).loader()
		l.Pixels = func([]uint8, Picture, uint64) error {
			busy.Add(1)
			defer busy.Add(-1)
			time.Sleep(200 * time.Microsecond)
			return nil
		}
		leave(t, l)
		if n := busy.Load(); n != 0 {
			t.Fatalf("%d pictures are still being made", n)
		}
	}
}

func TestCancellationEndsTheStream(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	var batches int
	var last error
	for b, err := range (&fake{n: 100}).loader().Batches(ctx, 0, 1<<40) {
		if last = err; err != nil {
			if b != nil {
				t.Error("a batch came with the context's error")
			}
			continue
		}
		if batches++; batches == 5 {
			cancel()
		}
	}
	cancel()
	if !errors.Is(last, context.Canceled) || batches != 5 {
		t.Errorf("%d batches, then %v", batches, last)
	}
	settles(t, before)
}

// A read that returns only when the context is done ends the stream with the context's error.
func TestCancellationReachesAStuckRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := (&fake{n: 100}).loader()
	l.Pixels = func([]uint8, Picture, uint64) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	for b, err := range l.Batches(ctx, 0, 100) {
		if b != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", b, err)
		}
	}
}

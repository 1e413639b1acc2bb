package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// StallLimit is the default time without progress after which a transfer is cancelled.
const StallLimit = 60 * time.Second

// progress is the number of bytes that a transfer has to bring within its limit, so that one that drips is cancelled too.
const progress = 16 << 10

// Watchdog cancels a transfer that makes no progress for a while. The time between reads doesn't count, since it is the reader's.
type Watchdog struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
	cause  func() error // why the transfer was cancelled; nil while it wasn't
	ended  atomic.Bool
}

// Watch starts a watchdog, whose limit holds for the answer and then for its body. 0: StallLimit. The transfer is made with the returned
// context.
func Watch(ctx context.Context, limit time.Duration) (context.Context, *Watchdog) {
	w := &Watchdog{limit: limit}
	if limit == 0 {
		w.limit = StallLimit
	}
	ctx, w.cancel = context.WithCancelCause(ctx)
	w.cause = func() error { return context.Cause(ctx) }
	w.timer = time.AfterFunc(w.limit, func() { w.cancel(fmt.Errorf("nothing came for %v", w.limit)) })
	return ctx, w
}

// Stop ends the watch and the transfer.
func (w *Watchdog) Stop() {
	w.ended.Store(true)
	w.timer.Stop()
	w.cancel(nil)
}

// Body is a body whose reads are watched. Its Close stops the watchdog.
func (w *Watchdog) Body(body io.ReadCloser) io.ReadCloser {
	w.timer.Stop()
	return &watchedBody{ReadCloser: body, watch: w, left: w.limit}
}

type watchedBody struct {
	io.ReadCloser
	watch *Watchdog
	left  time.Duration // until the transfer is cancelled
	fresh int           // bytes since left was the whole limit
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.watch.ended.Load() {
		return b.ReadCloser.Read(p)
	}
	began := time.Now()
	b.watch.timer.Reset(b.left)
	n, err := b.ReadCloser.Read(p)
	b.watch.timer.Stop()
	b.left = max(b.left-time.Since(began), time.Nanosecond)
	if b.fresh += n; b.fresh >= progress {
		b.left, b.fresh = b.watch.limit, 0
	}
	if cause := b.watch.cause(); cause != nil && err != nil && !errors.Is(err, io.EOF) {
		err = cause
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.Stop()
	return b.ReadCloser.Close()
}

package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The limits of retries.
const (
	Attempts   = 5 // maximum number in a row without progress
	FirstPause = time.Second
	LongPause  = 30 * time.Second
	MaxWait    = 5 * time.Minute // maximum delay that a server may ask for
)

// AwayError is a temporary failure, after which a retry may succeed.
type AwayError struct {
	Reason   string
	Cause    error         // may be nil
	After    time.Duration // that the server asked to wait
	Patience int           // maximum number of failures in a row that have a patience; 0: that of the Retry
}

func (e *AwayError) Error() string {
	if e.Cause == nil {
		return e.Reason
	}
	if e.Reason == "" {
		return e.Cause.Error()
	}
	return fmt.Sprintf("%s: %v", e.Reason, e.Cause)
}

func (e *AwayError) Unwrap() error { return e.Cause }

// Retry repeats attempts that fail temporarily, with increasing pauses.
type Retry struct {
	Name     string // begins the errors; empty: the caller adds it
	Attempts int    // maximum number in a row without progress
	// Pause waits between attempts; nil: Sleep.
	Pause func(ctx context.Context, d time.Duration) error
	// Warn is called before each pause. May be nil.
	Warn func(err error, pause time.Duration)
}

// Do calls attempt until it succeeds or fails with something else than an *AwayError. An attempt reports whether it made progress, which
// resets the count of failures.
func (r Retry) Do(ctx context.Context, attempt func() (progress bool, err error)) error {
	for failures, impatient := 0, 0; ; {
		progress, err := attempt()
		var away *AwayError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return r.named(ctx.Err())
		case !errors.As(err, &away):
			return err
		}
		if progress {
			failures, impatient = 0, 0
		}
		failures++
		if away.Patience > 0 {
			impatient++
		}
		if failures >= r.Attempts || away.Patience > 0 && impatient >= away.Patience || away.After > MaxWait {
			return r.named(err)
		}
		d := max(away.After, min(FirstPause<<min(failures-1, 10), LongPause))
		if r.Warn != nil {
			r.Warn(err, d)
		}
		if err := r.wait(ctx, d); err != nil {
			return r.named(err)
		}
	}
}

func (r Retry) named(err error) error {
	if r.Name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", r.Name, err)
}

func (r Retry) wait(ctx context.Context, d time.Duration) error {
	if r.Pause != nil {
		return r.Pause(ctx, d)
	}
	return Sleep(ctx, d)
}

// jitter is a pause and up to half of it more, so that many clients that failed at the same time don't come back at the same time.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// Sleep waits for d and up to half of it more.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(jitter(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Busy returns the *AwayError of an answer with a status that a later attempt may not have, such as 429 or 503; nil for another status.
func Busy(host string, code int, h http.Header) error {
	switch {
	case code == http.StatusNotImplemented || code == http.StatusHTTPVersionNotSupported:
		return nil
	case code != http.StatusTooManyRequests && code != http.StatusRequestTimeout && code != http.StatusTooEarly && code < 500:
		return nil
	}
	reason := fmt.Sprintf("%s answers %d (%s)", host, code, http.StatusText(code))
	after := RetryAfter(h.Get("Retry-After"))
	if after > 0 {
		reason += fmt.Sprintf(" and asks to wait %v", after)
	}
	return &AwayError{Reason: reason, After: after}
}

// RetryAfter reads seconds or a date; 0 if there is neither.
func RetryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at).Round(time.Second))
	}
	return 0
}

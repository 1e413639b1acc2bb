package remote

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is attempts with given results, and the pauses between them.
func script(t *testing.T, r Retry, results ...error) (pauses []time.Duration, err error) {
	t.Helper()
	r.Pause = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return ctx.Err()
	}
	i := 0
	err = r.Do(t.Context(), func() (bool, error) {
		if i == len(results) {
			return false, nil
		}
		i++
		return false, results[i-1]
	})
	return pauses, err
}

func TestPausesGrowAndServersAreObeyed(t *testing.T) {
	away := &AwayError{Reason: "away"}
	pauses, err := script(t, Retry{Attempts: 8}, away, away, away, away, away, away, &AwayError{Reason: "busy", After: 100 * time.Second})
	want := []time.Duration{1, 2, 4, 8, 16, 30, 100}
	for i := range want {
		want[i] *= time.Second
	}
	if err != nil || !slices.Equal(pauses, want) {
		t.Errorf("%v, %v", pauses, err)
	}
	if pauses, err := script(t, Retry{Attempts: 8}, &AwayError{After: MaxWait + 1}); err == nil || len(pauses) > 0 {
		t.Errorf("a server that asks for too much: %v, %v", pauses, err)
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	away, fickle, final := &AwayError{Reason: "away"}, &AwayError{Reason: "fickle", Patience: 2}, errors.New("final")
	for _, c := range []struct {
		results []error
		pauses  int
		want    string
	}{
		{[]error{away, away, away, away}, 3, "x: away"},
		{[]error{fickle, fickle, fickle}, 1, "x: fickle"},
		{[]error{away, fickle, fickle}, 2, "x: fickle"},
		{[]error{away, final}, 1, "final"},
	} {
		pauses, err := script(t, Retry{Name: "x", Attempts: 4}, c.results...)
		if err == nil || err.Error() != c.want || len(pauses) != c.pauses {
			t.Errorf("%v: %v after %v", c.results, err, pauses)
		}
	}
}

func TestProgressResetsTheCount(t *testing.T) {
	n := 0
	r := Retry{Attempts: 2, Pause: func(context.Context, time.Duration) error { return nil }}
	err := r.Do(t.Context(), func() (bool, error) {
		if n++; n == 20 {
			return false, nil
		}
		return true, &AwayError{Reason: "broke off"}
	})
	if err != nil || n != 20 {
		t.Errorf("%d attempts, %v", n, err)
	}
}

// Pauses are at least what a server asked for, at most half more, and not all the same.
func TestPausesHaveJitter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	seen := map[time.Duration]bool{}
	for range 100 {
		d := jitter(time.Hour)
		if d < time.Hour || d > time.Hour+time.Hour/2 {
			t.Errorf("%v", d)
		}
		seen[d] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different pauses of 100", len(seen))
	}
}

func TestStatusesThatPass(t *testing.T) {
	for code, busy := range map[int]bool{
		200: false, 404: false, 403: false, 408: true, 425: true, 429: true, 500: true, 501: false, 503: true, 520: true,
	} {
		if err := Busy("h", code, http.Header{}); (err != nil) != busy {
			t.Errorf("%d: %v", code, err)
		}
	}
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	if d := RetryAfter(date); d < time.Hour/2 || d > time.Hour {
		t.Errorf("%s: %v", date, d)
	}
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if d := RetryAfter(value); d != want {
			t.Errorf("%q: %v", value, d)
		}
	}
	if err := Busy("h", 503, http.Header{"Retry-After": {"7"}}); !strings.Contains(err.Error(), "asks to wait 7s") {
		t.Errorf("%v", err)
	}
}

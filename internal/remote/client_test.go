package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCredentialsAreForTheirOriginAlone(t *testing.T) {
	saw := map[string]string{}
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		saw["other"] = r.Header.Get("Authorization")
	}))
	defer other.Close()
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		saw["own"] = r.Header.Get("Authorization")
		http.Redirect(w, r, other.URL+"/?signature=s", http.StatusTemporaryRedirect)
	}))
	defer own.Close()
	origin, err := url.Parse(own.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient()
	defer c.Close()
	address := strings.Replace(own.URL, "://", "://user:password@", 1)
	r, err := c.Do(t.Context(), Request{Method: http.MethodGet, Address: address, Authorize: func(r *http.Request) {
		if SameOrigin(origin, r.URL) {
			r.Header.Set("Authorization", "mine")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if saw["own"] != "mine" || saw["other"] != "" {
		t.Errorf("%v", saw)
	}
}

// trickle gives one piece every 10 ms until its context or the pieces end.
type trickle struct {
	ctx           context.Context
	piece, pieces int
}

func (d *trickle) Read(p []byte) (int, error) {
	if d.pieces == 0 {
		return 0, io.EOF
	}
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(10 * time.Millisecond):
		d.pieces--
		return min(d.piece, len(p)), nil
	}
}

func (*trickle) Close() error { return nil }

// A transfer that brings a byte now and then is cancelled when its time is over, and one that brings enough in that time isn't.
func TestTheWatchdogWantsProgress(t *testing.T) {
	for piece, want := range map[int]time.Duration{1: 100 * time.Millisecond, progress / 5: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, watch := Watch(t.Context(), 100*time.Millisecond)
			body, began := watch.Body(&trickle{ctx, piece, 100}), time.Now()
			_, err := io.Copy(io.Discard, body)
			if stalled := err != nil && strings.Contains(err.Error(), "nothing came for 100ms"); stalled != (piece == 1) {
				t.Errorf("pieces of %d bytes: %v", piece, err)
			}
			if took := time.Since(began); took != want {
				t.Errorf("pieces of %d bytes: %v, want %v", piece, took, want)
			}
			_ = body.Close()
		})
	}
}

// A host that doesn't answer is given up by the same limit.
func TestAHostWithoutAnAnswerIsGivenUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	c := NewClient()
	defer c.Close()
	c.Stall = 50 * time.Millisecond
	var away *AwayError
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Address: server.URL}); !errors.As(err, &away) ||
		!strings.Contains(err.Error(), "nothing came for 50ms") {
		t.Errorf("%v", err)
	}
}

func TestASlowReaderIsNotAStall(t *testing.T) {
	ctx, watch := Watch(t.Context(), time.Hour)
	body := watch.Body(io.NopCloser(strings.NewReader("abc")))
	one := make([]byte, 1)
	if _, err := body.Read(one); err != nil {
		t.Fatal(err)
	}
	if watch.timer.Stop() || ctx.Err() != nil {
		t.Error("the time between reads counts")
	}
	_ = body.Close()
}

func TestAnswersThatDontComeAreTemporary(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c := NewClient()
	defer c.Close()
	_, err := c.Do(t.Context(), Request{Method: http.MethodGet, Address: server.URL + "/a?token=secret"})
	var away *AwayError
	if !errors.As(err, &away) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token") {
		t.Errorf("%v", err)
	}
	if _, err := c.Do(t.Context(), Request{Method: http.MethodGet, Address: "http://h/\x00?token=secret"}); err == nil ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestHeadersAreRead(t *testing.T) {
	for value, want := range map[string][3]int64{
		"bytes 0-9/10": {0, 10, 10}, "bytes 5-9/*": {5, 10, -1}, "bytes */10": {-1, -1, 10}, "": {-1, -1, -1}, "bytes 9-5/10": {-1, -1, 10},
		"bytes x-9/10": {-1, -1, 10}, "items 0-9/10": {-1, -1, 10},
	} {
		if from, to, total := ContentRange(value); [3]int64{from, to, total} != want {
			t.Errorf("%q: %d %d %d", value, from, to, total)
		}
	}
	for tag, want := range map[string]string{`"a"`: "a", `W/"a"`: "a", "": "", "a": "a"} {
		if got := ETag(tag); got != want {
			t.Errorf("%s: %s", tag, got)
		}
	}
	for _, c := range []struct {
		from, to int64
		want     string
	}{{0, 10, "bytes=0-9"}, {5, -1, "bytes=5-"}, {0, -1, ""}} {
		if got := Range(c.from, c.to).Get("Range"); got != c.want {
			t.Errorf("%d-%d: %s", c.from, c.to, got)
		}
	}
	if got := Line("a\r\nb\x1b[31m" + strings.Repeat("x", 1000)); strings.ContainsAny(got, "\r\n\x1b") || len(got) > maxMessage {
		t.Errorf("%q", got)
	}
}

package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	attempts   = 5 // maximal number in a row without progress
	firstPause = time.Second
	longPause  = 30 * time.Second
	maxWait    = 5 * time.Minute // maximal delay that a server may ask for
)

// awayError is a temporary failure, after which a retry may succeed.
type awayError struct {
	reason string
	cause  error         // may be nil
	after  time.Duration // that the server asked to wait
}

func (e *awayError) Error() string {
	if e.cause == nil {
		return e.reason
	}
	return fmt.Sprintf("%s: %v", e.reason, e.cause)
}

func (e *awayError) Unwrap() error { return e.cause }

// persist retries after temporary failures, with increasing delays. A failed attempt that made progress resets the count.
func (s *snapshot) persist(ctx context.Context, patience int, attempt func() (fresh bool, err error)) error {
	for failures := 0; ; {
		fresh, err := attempt()
		var away *awayError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", s.repo, ctx.Err())
		case !errors.As(err, &away):
			return err
		}
		if fresh {
			failures = 0
		}
		failures++
		if failures >= patience || away.after > maxWait {
			return fmt.Errorf("%s: %w", s.repo, err)
		}
		d := max(away.after, min(firstPause<<(failures-1), longPause))
		s.warn("download failed, retrying", "repo", s.repo, "error", err, "after", d)
		if err := s.wait(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", s.repo, err)
		}
	}
}

func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if c.pause != nil {
		return c.pause(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// judge converts an answer without success to an error with advice. what names the requested file.
func (s *snapshot) judge(r *http.Response, what string) error {
	code := r.StatusCode
	switch {
	case code == http.StatusOK || code == http.StatusPartialContent:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		reason := fmt.Sprintf("%s answers %d (%s)", r.Request.URL.Host, code, http.StatusText(code))
		after := retryAfter(r.Header.Get("Retry-After"))
		if after > 0 {
			reason += fmt.Sprintf(" and asks to wait %v", after)
		}
		return &awayError{reason: reason, after: after}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return s.denied(r)
	case code == http.StatusNotFound:
		return s.absent(r, what)
	default:
		return s.refuse("%s answers %d (%s) for %s%s", r.Request.URL.Host, code, http.StatusText(code), what, said(r))
	}
}

// denied returns the error of a gated or private model, with the way to get access.
func (s *snapshot) denied(r *http.Response) error {
	page := s.endpoint() + "/" + s.repo
	gated := r.Header.Get("X-Error-Code") == "GatedRepo"
	switch {
	case gated && s.Token == "":
		return s.refuse("gated (%d): accept its terms at %s, make a token at %s/settings/tokens and set HF_TOKEN", r.StatusCode, page,
			s.endpoint())
	case gated:
		return s.refuse("gated (%d), and the token's owner has no access: accept its terms at %s", r.StatusCode, page)
	case s.Token == "":
		return s.refuse("no such repository, or a private one (%d): check the name, or set HF_TOKEN", r.StatusCode)
	default:
		return s.refuse("the hub refuses the token (%d): check HF_TOKEN and the repository's name%s", r.StatusCode, said(r))
	}
}

func (s *snapshot) absent(r *http.Response, what string) error {
	switch r.Header.Get("X-Error-Code") {
	case "RepoNotFound":
		return s.refuse("no such repository at %s (404), or a private one", s.endpoint())
	case "RevisionNotFound":
		return s.refuse("the repository has no %s (404)", what)
	default:
		return s.refuse("no %s at %s (404)%s", what, s.endpoint(), said(r))
	}
}

// said is the server's own message, as one short printable line.
func said(r *http.Response) string {
	text := r.Header.Get("X-Error-Message")
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text[:min(len(text), maxMessage)])
	if text == "" {
		return ""
	}
	return ": " + text
}

// retryAfter reads seconds or a date; 0 if there is neither.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at).Round(time.Second))
	}
	return 0
}

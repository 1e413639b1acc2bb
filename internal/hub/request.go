package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxRedirects  = 5
	maxMessage    = 300 // bytes of a server's message that are shown
	headerTimeout = 30 * time.Second
	stallLimit    = 60 * time.Second
)

// newWeb returns an HTTP client that doesn't follow redirects.
func newWeb() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() // proxies as the environment says
	transport.ResponseHeaderTimeout = headerTimeout
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// request is a request to the hub. accept reports whether an answer is the final one; other redirects are followed.
type request struct {
	method, address string
	from            int64 // first byte of the requested range
	accept          func(*http.Response) bool
}

// reply is an answer with the file's identity from the answers before it.
type reply struct {
	*http.Response
	identity identity
}

// identity describes a file's content, by the hub's headers.
type identity struct {
	etag   string // SHA-256 of files in LFS, git's blob id of others; a mirror may have its own
	commit string // empty: unknown
	size   int64  // bytes; -1: unknown
}

func (c *Client) endpoint() string {
	if c.Endpoint == "" {
		return DefaultEndpoint
	}
	return strings.TrimRight(c.Endpoint, "/")
}

func isFinal(r *http.Response) bool {
	return r.StatusCode < 300 || r.StatusCode > 399 || r.Header.Get("Location") == ""
}

// isDescribed accepts an answer with the file's identity. The hub sends it with the redirect to the store, which may not support HEAD.
func isDescribed(r *http.Response) bool { return isFinal(r) || r.Header.Get("X-Linked-Etag") != "" }

// ask makes one attempt. It follows redirects itself, so that the token is sent only to the endpoint's origin, not even to its
// subdomains.
func (s *snapshot) ask(ctx context.Context, q request) (*reply, error) {
	ctx, watch := s.watch(ctx)
	at, known := q.address, identity{size: -1}
	for range maxRedirects + 1 {
		r, err := s.hop(ctx, q, at)
		if err != nil {
			watch.stop()
			return nil, err
		}
		known.add(r)
		if q.accept(r) {
			r.Body = &watchedBody{r.Body, watch}
			return &reply{r, known}, nil
		}
		_ = r.Body.Close()
		if at, err = next(r); err != nil {
			watch.stop()
			return nil, err
		}
	}
	watch.stop()
	return nil, fmt.Errorf("%s: more than %d redirects", q.address, maxRedirects)
}

// hop is one request and its answer.
func (s *snapshot) hop(ctx context.Context, q request, at string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, at, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	r.Header.Set("User-Agent", "clipgo")
	r.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the file
	if q.from > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", q.from))
	}
	if s.Token != "" && s.own(r.URL) {
		r.Header.Set("Authorization", "Bearer "+s.Token)
	}
	answer, err := s.web.Do(r)
	if err == nil {
		return answer, nil
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err // messages must not contain signed URLs
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, &awayError{reason: "no answer from " + r.URL.Host, cause: err}
}

// own reports whether a URL has the endpoint's origin.
func (c *Client) own(u *url.URL) bool {
	e, err := url.Parse(c.endpoint())
	return err == nil && e.Scheme == u.Scheme && strings.EqualFold(e.Host, u.Host)
}

// next is the target of a redirect.
func next(r *http.Response) (string, error) {
	to, err := r.Location()
	switch {
	case err != nil:
		return "", fmt.Errorf("the redirect of %s leads nowhere: %w", r.Request.URL.Host, err)
	case to.Scheme != "https" && to.Scheme != r.Request.URL.Scheme:
		return "", fmt.Errorf("%s redirects to %s://, which is not safe", r.Request.URL.Host, to.Scheme)
	}
	return to.String(), nil
}

// add adds the headers of an answer. The hub's headers of the linked file have precedence over the store's.
func (id *identity) add(r *http.Response) {
	h := r.Header
	if commit := h.Get("X-Repo-Commit"); commit != "" && id.commit == "" {
		id.commit = commit
	}
	if linked := h.Get("X-Linked-Etag"); linked != "" && id.etag == "" {
		id.etag = normalETag(linked)
		id.size = number(h.Get("X-Linked-Size"))
	}
	if id.etag != "" || !isFinal(r) || r.StatusCode >= 300 {
		return
	}
	id.etag = normalETag(h.Get("ETag"))
	if r.StatusCode == http.StatusOK && r.ContentLength >= 0 {
		id.size = r.ContentLength
	}
}

func normalETag(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// watchdog cancels a transfer that has received nothing for a while.
type watchdog struct {
	timer  *time.Timer
	limit  time.Duration
	cancel context.CancelCauseFunc
	cause  func() error // why the transfer was cancelled; nil while it wasn't
	ended  atomic.Bool
}

func (c *Client) watch(ctx context.Context) (context.Context, *watchdog) {
	w := &watchdog{limit: c.stall}
	if w.limit == 0 {
		w.limit = stallLimit
	}
	ctx, w.cancel = context.WithCancelCause(ctx)
	w.cause = func() error { return context.Cause(ctx) }
	w.timer = time.AfterFunc(w.limit, func() { w.cancel(fmt.Errorf("nothing came for %v", w.limit)) })
	return ctx, w
}

func (w *watchdog) stop() {
	w.ended.Store(true)
	w.timer.Stop()
	w.cancel(nil)
}

// watchedBody resets the watchdog on every read.
type watchedBody struct {
	io.ReadCloser
	watch *watchdog
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.watch.ended.Load() {
		b.watch.timer.Reset(b.watch.limit)
	}
	if cause := b.watch.cause(); cause != nil && err != nil && !errors.Is(err, io.EOF) {
		err = cause
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watch.stop()
	return b.ReadCloser.Close()
}

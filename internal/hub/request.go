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
	maxMessage    = 300 // bytes of a server's own words that are shown
	headerTimeout = 30 * time.Second
	stallLimit    = 60 * time.Second
)

// newWeb is an HTTP client that follows no redirect by itself.
func newWeb() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() // proxies as the environment says
	transport.ResponseHeaderTimeout = headerTimeout
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// request is one question to the hub. accept says which answer is wanted; one that is not, and redirects, is followed.
type request struct {
	method, address string
	from            int64 // first byte that is wanted
	accept          func(*http.Response) bool
}

// reply is an answer together with what the hub said of the file on the way to it.
type reply struct {
	*http.Response
	identity identity
}

// identity is what the hub says of a file's content.
type identity struct {
	etag   string // SHA-256 of files in LFS, git's blob id of others; a mirror may have its own
	commit string // empty: not said
	size   int64  // -1: not said
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

// isDescribed is enough of an answer where only the file's identity is asked for: the hub gives it with the redirect to
// the store, which need not answer HEAD.
func isDescribed(r *http.Response) bool { return isFinal(r) || r.Header.Get("X-Linked-Etag") != "" }

// ask makes one attempt. Redirects are followed by hand, so that the token goes to the endpoint's origin and nowhere
// else, not even to a host below it.
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
		err = inner.Err // signed addresses do not belong into messages
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, &awayError{reason: "no answer from " + r.URL.Host, cause: err}
}

// own says whether an address is the endpoint's own.
func (c *Client) own(u *url.URL) bool {
	e, err := url.Parse(c.endpoint())
	return err == nil && e.Scheme == u.Scheme && strings.EqualFold(e.Host, u.Host)
}

// next is where a redirect leads.
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

// add takes what one answer says. What the hub itself says of the linked file has precedence over what a store says.
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

// watchdog cancels a transfer in which nothing has come for a while.
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

// watchedBody feeds the watchdog with every read.
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

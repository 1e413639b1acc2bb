package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"clipgo/internal/remote"
)

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

// isDescribed accepts an answer with the file's identity. The hub sends it with the redirect to the store, which may not support HEAD.
func isDescribed(r *http.Response) bool {
	return remote.IsFinal(r) || r.Header.Get("X-Linked-Etag") != ""
}

// ask makes one attempt.
func (s *snapshot) ask(ctx context.Context, q request) (*reply, error) {
	known := identity{size: -1}
	r, err := s.web.Do(ctx, remote.Request{
		Method: q.method, Address: q.address, Header: remote.Range(q.from, -1), Authorize: s.Authorize, See: known.add, Accept: q.accept,
	})
	if err != nil {
		return nil, err
	}
	return &reply{r, known}, nil
}

// Authorize adds the token to a request to the endpoint's origin, not even to its subdomains.
func (c *Client) Authorize(r *http.Request) {
	e, err := url.Parse(c.endpoint())
	if c.Token != "" && err == nil && remote.SameOrigin(e, r.URL) {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
}

// add adds the headers of an answer. The hub's headers of the linked file have precedence over the store's.
func (id *identity) add(r *http.Response) {
	h := r.Header
	if commit := h.Get("X-Repo-Commit"); commit != "" && id.commit == "" {
		id.commit = commit
	}
	if linked := h.Get("X-Linked-Etag"); linked != "" && id.etag == "" {
		id.etag = remote.ETag(linked)
		id.size = remote.Number(h.Get("X-Linked-Size"))
	}
	if id.etag != "" || !remote.IsFinal(r) || r.StatusCode >= 300 {
		return
	}
	id.etag = remote.ETag(h.Get("ETag"))
	if r.StatusCode == http.StatusOK && r.ContentLength >= 0 {
		id.size = r.ContentLength
	}
}

// persist retries after temporary failures, with increasing delays. A failed attempt that made progress resets the count.
func (s *snapshot) persist(ctx context.Context, patience int, attempt func() (fresh bool, err error)) error {
	retry := remote.Retry{Name: s.repo, Attempts: patience, Pause: s.pause}
	retry.Warn = func(err error, pause time.Duration) {
		s.warn("download failed, retrying", "repo", s.repo, "error", err, "after", pause)
	}
	return retry.Do(ctx, attempt)
}

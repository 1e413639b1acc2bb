package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxRedirects  = 5
	headerTimeout = 30 * time.Second
	idlePerHost   = 64 // connections that stay open for the next request
)

// Transport is one with the environment's proxies, which gives up a server that doesn't answer.
func Transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = headerTimeout
	t.MaxIdleConnsPerHost = idlePerHost
	t.DisableCompression = true // sizes and ranges are those of the file
	return t
}

// Client makes single attempts. It is safe for concurrent use.
type Client struct {
	Stall time.Duration // time without progress after which a transfer is cancelled; 0: StallLimit

	web *http.Client
}

// NewClient returns a client, which follows redirects itself.
func NewClient() *Client {
	return &Client{web: &http.Client{Transport: Transport(), CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// Close closes idle connections.
func (c *Client) Close() { c.web.CloseIdleConnections() }

// Request is a request with the redirects that it leads to.
type Request struct {
	Method, Address string
	Header          http.Header // sent to each host, so without credentials
	// Authorize adds credentials to one request of the chain if its URL is one that they are for. May be nil.
	Authorize func(r *http.Request)
	// See is called with each answer, in order. May be nil.
	See func(*http.Response)
	// Accept reports whether an answer is the one to return; other redirects are followed. nil: IsFinal.
	Accept func(*http.Response) bool
}

// IsFinal reports whether an answer is no redirect.
func IsFinal(r *http.Response) bool {
	return r.StatusCode < 300 || r.StatusCode > 399 || r.Header.Get("Location") == ""
}

// Do makes one attempt. A host that doesn't answer is an *AwayError. The body is watched and has to be closed.
func (c *Client) Do(ctx context.Context, q Request) (*http.Response, error) {
	ctx, watch := Watch(ctx, c.Stall)
	r, err := c.follow(ctx, q)
	if err != nil {
		watch.Stop()
		return nil, err
	}
	r.Body = watch.Body(r.Body)
	return r, nil
}

func (c *Client) follow(ctx context.Context, q Request) (*http.Response, error) {
	accept := q.Accept
	if accept == nil {
		accept = IsFinal
	}
	at := q.Address
	for range maxRedirects + 1 {
		r, err := c.hop(ctx, q, at)
		if err != nil {
			return nil, err
		}
		if q.See != nil {
			q.See(r)
		}
		if accept(r) {
			return r, nil
		}
		_ = r.Body.Close()
		if at, err = next(r); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: more than %d redirects", Public(q.Address), maxRedirects)
}

// hop is one request and its answer.
func (c *Client) hop(ctx context.Context, q Request, at string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, q.Method, at, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: not an address that can be asked", Public(at))
	}
	r.URL.User = nil // credentials come from Authorize alone
	for name, values := range q.Header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "clipgo")
	r.Header.Set("Accept-Encoding", "identity")
	if q.Authorize != nil {
		q.Authorize(r)
	}
	answer, err := c.web.Do(r)
	if err == nil {
		return answer, nil
	}
	return nil, NoAnswer(ctx, r.URL.Host, err)
}

// NoAnswer is the *AwayError of a request that has failed. Its message has no URL, which may be signed.
func NoAnswer(ctx context.Context, host string, err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	away := &AwayError{Reason: "no answer from " + host, Cause: err}
	if advice := distrust(err); advice != "" {
		away.Reason, away.Patience = fmt.Sprintf("the connection to %s can't be trusted (%s)", host, advice), 1
	}
	return away
}

// distrust is the advice for an error of TLS that a retry doesn't mend.
func distrust(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return "name the file of its certificate authority in SSL_CERT_FILE"
	case errors.As(err, &name):
		return "its certificate is for another host"
	case errors.As(err, &invalid):
		return "check the clock of this machine and the certificate of the server"
	case errors.As(err, &record) || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it speaks no TLS: is the address http:// instead of https://?"
	}
	return ""
}

// SameOrigin reports whether two URLs have the same scheme and host. A subdomain is another host.
func SameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// next is the target of a redirect.
func next(r *http.Response) (string, error) {
	to, err := r.Location()
	switch {
	case err != nil:
		return "", fmt.Errorf("the redirect of %s leads nowhere", r.Request.URL.Host)
	case to.Scheme != "https" && to.Scheme != r.Request.URL.Scheme:
		return "", fmt.Errorf("%s redirects to %s://, which is not safe", r.Request.URL.Host, to.Scheme)
	}
	return to.String(), nil
}

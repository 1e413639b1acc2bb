package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// What the server fetches of the addresses that clients send.
const (
	FetchNothing = ""       // the default
	FetchPublic  = "public" // pictures of public addresses
	FetchAny     = "any"    // and of the own network
)

const (
	fetchTime      = 10 * time.Second
	fetchRedirects = 3
	fetchAtOnce    = 8
)

// fetcher gets pictures over HTTP. Each connection, those of redirects included, is judged by the number that its name has led to, so that
// a name can't lead elsewhere after it was judged. There is no proxy, no cookie and no second kind of failure: a client learns nothing of
// the network behind the server.
type fetcher struct {
	client  *http.Client
	asked   chan struct{} // pictures that are fetched or wait for it
	running chan struct{}
}

// errFetch is all that a client learns.
var errFetch = &statusError{http.StatusBadRequest, "the address has no picture that this server may fetch"}

// newFetcher fetches from the addresses that allowed accepts; nil: from none.
func newFetcher(allowed func(netip.AddrPort) bool) *fetcher {
	if allowed == nil {
		return nil
	}
	d := &net.Dialer{Timeout: fetchTime, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(at) {
			return fmt.Errorf("%s may not be fetched from", address)
		}
		return nil
	}}
	t := &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: fetchTime, ResponseHeaderTimeout: fetchTime,
		MaxResponseHeaderBytes: headerBytes, DisableKeepAlives: true}
	asked, running := make(chan struct{}, queueLength), make(chan struct{}, fetchAtOnce)
	return &fetcher{asked: asked, running: running, client: &http.Client{Transport: t, Timeout: fetchTime,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			r.Header.Del("Referer")
			if len(via) > fetchRedirects {
				return errors.New("too many redirects")
			}
			return fetchable(r.URL)
		}}}
}

// allowedBy is what a setting allows; ok is false where it is none.
func allowedBy(setting string) (allowed func(netip.AddrPort) bool, ok bool) {
	switch setting {
	case FetchNothing:
		return nil, true
	case FetchPublic:
		return publicElsewhere, true
	case FetchAny:
		return func(netip.AddrPort) bool { return true }, true
	}
	return nil, false
}

// fetchable refuses what isn't plain HTTP or HTTPS, and addresses with a password.
func fetchable(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return errors.New("not an address of HTTP")
	}
	return nil
}

// special are the ranges that are not public in addition to those that package netip knows: of providers, of documentation, of tests, and
// those that stand for IPv4 addresses.
var special = func() (out []netip.Prefix) {
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24",
		"240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
		"3fff::/20", "5f00::/16", "fec0::/10"} {
		if prefix, err := netip.ParsePrefix(p); err == nil { // a test reads each
			out = append(out, prefix)
		}
	}
	return out
}()

// global6 is all that is given out of IPv6. Beyond it are forms that stand for IPv4 addresses, and there may be more of them tomorrow.
var global6 = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3)

// public tells whether an address is one of the whole internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	return (a.Is4() || global6.Contains(a)) &&
		a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && a.Zone() == "" &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// own tells whether an address is one of this machine's interfaces. A firewall in front of a public address doesn't judge what comes from
// the machine itself, so its services may answer the server what they answer nobody else.
func own(a netip.Addr, interfaces []net.Addr) bool {
	return slices.ContainsFunc(interfaces, func(i net.Addr) bool {
		p, err := netip.ParsePrefix(i.String())
		return err == nil && p.Addr().Unmap() == a.Unmap().WithZone("")
	})
}

// publicElsewhere is public, of another machine than this one.
func publicElsewhere(at netip.AddrPort) bool {
	interfaces, err := net.InterfaceAddrs()
	return err == nil && public(at.Addr()) && !own(at.Addr(), interfaces)
}

// picture fetches a picture. Why it can't is in the error for the log; the client gets errFetch.
func (f *fetcher) picture(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxText {
		return nil, errFetch
	}
	if err := fetchable(u); err != nil {
		return nil, errFetch
	}
	select {
	case f.asked <- struct{}{}:
		defer func() { <-f.asked }()
	default:
		return nil, errBusy
	}
	if err := take(ctx, f.running); err != nil {
		return nil, err
	}
	defer func() { <-f.running }()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errFetch
	}
	r.Header.Set("User-Agent", "clipgo")
	r.Header.Set("Accept", "image/*")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, errors.Join(errFetch, err)
	}
	defer answer.Body.Close()
	file, err := io.ReadAll(io.LimitReader(answer.Body, uploadBytes+1))
	if err != nil || answer.StatusCode != http.StatusOK || len(file) > uploadBytes || len(file) == 0 {
		return nil, errors.Join(errFetch, err)
	}
	return file, nil
}

// fetched uses the picture at an address. That it is no picture is said as all else that fails: the client doesn't learn whether something
// is there.
func fetched[T any](ctx context.Context, s *Server, address string, use func(file []byte) (T, error)) (none T, err error) {
	file, err := s.fetch(ctx, address)
	if err != nil {
		return none, err
	}
	out, err := use(file)
	if code, _ := status(err); err != nil && code == http.StatusBadRequest {
		return none, errFetch
	}
	return out, err
}

// fetch gets the file at an address, if the server fetches any.
func (s *Server) fetch(ctx context.Context, address string) ([]byte, error) {
	if s.fetcher == nil {
		return nil, &statusError{http.StatusForbidden, "this server doesn't fetch addresses; send the picture itself"}
	}
	begun := time.Now()
	defer s.stats.since("download_time", begun)
	return s.fetcher.picture(ctx, address)
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"clipgo/internal/fault"
	"clipgo/internal/remote"
)

// web reads objects of HTTP servers.
type web struct {
	far   *far
	users sync.Map // from host to *url.Userinfo of netrc
}

func (w *web) find(ctx context.Context, name string) ([]Object, error) {
	u, err := url.Parse(name)
	shown := remote.Public(name)
	if err != nil || u.Host == "" {
		return nil, fault.Usagef("%s: not a valid URL", shown)
	}
	u.Fragment, u.RawFragment = "", ""
	o := Object{Name: shown}
	if address := u.String(); address != shown {
		o.address = address
	}
	found, err := w.stat(ctx, o, w.authorize(u))
	if missing := (*MissingError)(nil); errors.As(err, &missing) && isPattern(u.Path) {
		return w.list(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	return []Object{found}, nil
}

func (w *web) list(_ context.Context, folder string) ([]Object, error) {
	return nil, fault.Usagef("%s: an HTTP server doesn't list its files: name them with braces, as in shard-{000..099}.tar",
		remote.Public(folder))
}

// authorize adds a URL's user and password, or those of the user's netrc file, to requests to its own origin.
func (w *web) authorize(u *url.URL) func(*http.Request) {
	user := u.User
	if user == nil {
		user = w.userOf(u.Hostname())
	}
	return func(r *http.Request) {
		if user != nil && remote.SameOrigin(u, r.URL) {
			password, _ := user.Password()
			r.SetBasicAuth(user.Username(), password)
		}
	}
}

// userOf is the user that netrc has for a host, which is looked up once; nil: it has none.
func (w *web) userOf(host string) *url.Userinfo {
	if known, ok := w.users.Load(host); ok {
		return known.(*url.Userinfo)
	}
	known, _ := w.users.LoadOrStore(host, netrc(host))
	return known.(*url.Userinfo)
}

// stat completes an object with its size and version.
func (w *web) stat(ctx context.Context, o Object, authorize func(*http.Request)) (Object, error) {
	release, err := w.far.slot(ctx)
	if err != nil {
		return o, err
	}
	defer release()
	err = w.far.retry("", o.Name, remote.Attempts).Do(ctx, func() (bool, error) {
		a, err := w.probe(ctx, o, authorize)
		if err != nil {
			return false, err
		}
		if a.page && !strings.Contains(strings.ToLower(o.Name), ".htm") {
			return false, webPage(a.host)
		}
		o.Size, o.Version, o.ModTime, o.Sequential = a.total, a.version, a.modified, !a.partial || a.total < 0
		return false, nil
	})
	if missing := (*MissingError)(nil); err != nil && !errors.As(err, &missing) {
		err = lookupError(o.Name, err)
	}
	return o, err
}

// probe asks for the headers, and for the first byte where they don't say enough: some servers, and signed URLs, allow GET alone.
func (w *web) probe(ctx context.Context, o Object, authorize func(*http.Request)) (answer, error) {
	a, code, err := w.headers(ctx, o, remote.Request{Method: http.MethodHead, Authorize: authorize})
	enough := err == nil && a.total >= 0 && a.partial
	if enough || code == http.StatusNotFound || code == 0 || code >= 500 && code != http.StatusNotImplemented {
		return a, err
	}
	a, code, err = w.headers(ctx, o, remote.Request{Method: http.MethodGet, Header: remote.Range(0, 1), Authorize: authorize})
	if code == http.StatusRequestedRangeNotSatisfiable && a.total == 0 { // an empty object has no first byte
		return a, nil
	}
	return a, err
}

// headers makes one attempt; code is 0 if there was no answer.
func (w *web) headers(ctx context.Context, o Object, q remote.Request) (a answer, code int, err error) {
	q.Address = o.where()
	r, err := w.far.client.Do(ctx, q)
	if err != nil {
		return a, 0, err
	}
	defer r.Body.Close()
	host := r.Request.URL.Host
	a = describe(host, r.Header, r.ContentLength)
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusPartialContent {
		return a, r.StatusCode, encoded(host, r.Header)
	}
	return a, r.StatusCode, refusal(o.Name, host, r.StatusCode, r.Header, "")
}

func (w *web) open(ctx context.Context, o Object, from, to int64) (io.ReadCloser, error) {
	u, err := url.Parse(o.where())
	if err != nil {
		return nil, fault.Usagef("%s: not a valid URL", o.Name)
	}
	return w.get(ctx, o, from, to, remote.Request{Authorize: w.authorize(u)}, nil)
}

// get requests a part of an object. identify may replace the version that the last answer gives.
func (w *web) get(ctx context.Context, o Object, from, to int64, q remote.Request, identify func(*answer)) (io.ReadCloser, error) {
	q.Method, q.Address, q.Header = http.MethodGet, o.where(), http.Header{}
	if !o.Sequential && (from > 0 || to >= 0 && to < o.Size) {
		q.Header = remote.Range(from, to)
		if tag := o.Version; identify == nil && tag != "" && !strings.HasPrefix(tag, "W/") && !strings.HasPrefix(tag, modifiedVersion) {
			q.Header.Set("If-Range", `"`+tag+`"`) // the whole object if it has changed
		}
	}
	r, err := w.far.client.Do(ctx, q)
	if err != nil {
		return nil, err
	}
	host := r.Request.URL.Host
	if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusPartialContent {
		err = fickle(refusal(o.Name, host, r.StatusCode, r.Header, ""))
	} else {
		a := describe(host, r.Header, r.ContentLength)
		if identify != nil {
			identify(&a)
		}
		if err = a.check(o, from, to); err == nil {
			err = encoded(host, r.Header)
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.Body.Close())
	}
	return r.Body, nil
}

// encoded is the error of an answer that isn't the object's bytes.
func encoded(host string, h http.Header) error {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fault.Dataf("%s answers with %q encoding though none was asked for; serve the file as it is", host, remote.Line(e))
	}
	return nil
}

// lookupError is an error of a look-up as one line that begins with the name.
func lookupError(name string, err error) error {
	if err == nil || strings.HasPrefix(err.Error(), name+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

package serve

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"clipgo/internal/fault"
)

// TestOnlyTrustedProxiesSayWhoAsks: headers of others count for nothing, and neither does what a client wrote before its proxy did.
func TestOnlyTrustedProxiesSayWhoAsks(t *testing.T) {
	for _, c := range []struct {
		trusted, remote, by, proto string
		from                       string
		secure                     bool
	}{
		{"", "127.0.0.1:9", "203.0.113.7", "https", "127.0.0.1", false},
		{"10.0.0.1", "198.51.100.2:9", "203.0.113.7", "https", "198.51.100.2", false},
		{"10.0.0.1", "10.0.0.1:9", "203.0.113.7", "https", "203.0.113.7", true},
		{"10.0.0.1", "10.0.0.1:9", "1.2.3.4, 203.0.113.7", "http", "203.0.113.7", false},
		{"10.0.0.0/8,127.0.0.1", "127.0.0.1:9", "1.2.3.4, 203.0.113.7, 10.3.4.5", "https", "203.0.113.7", true},
		{"10.0.0.1", "10.0.0.1:9", "", "", "10.0.0.1", false},
		{"10.0.0.1", "10.0.0.1:9", "unknown", "http, https", "10.0.0.1", true},
		{"10.0.0.1", "[::ffff:10.0.0.1]:9", "2001:db8::1", "HTTPS", "2001:db8::1", true},
		{"::ffff:10.0.0.0/104", "10.3.4.5:9", "203.0.113.7", "https", "203.0.113.7", true},
		{"::1", "[::1]:9", "203.0.113.7", "https", "203.0.113.7", true},
	} {
		var list []string
		if c.trusted != "" {
			list = strings.Split(c.trusted, ",")
		}
		p, err := parseProxies(list)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		r.Header.Set("X-Forwarded-For", c.by)
		r.Header.Set("X-Forwarded-Proto", c.proto)
		if from, secure := p.client(r); from != c.from || secure != c.secure {
			t.Errorf("%+v: from %s, secure %v", c, from, secure)
		}
	}
	if _, err := parseProxies([]string{"proxy.example"}); fault.Of(err) != fault.Usage {
		t.Errorf("a name: %v", err)
	}
}

// TestACookieOfHTTPSIsForHTTPSAlone: a proxy that is trusted says how it was asked. A wrong token is logged with its client's address, and
// without the token.
func TestACookieOfHTTPSIsForHTTPSAlone(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, func(o *Options) {
		o.Token, o.Proxies = "0123456789abcdef", []string{"192.0.2.1"} // where httptest's requests come from
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	for proto, want := range map[string]bool{"https": true, "http": false, "": false} {
		w := f.do("POST", "/api/login", strings.NewReader(`{"token": "0123456789abcdef"}`), "X-Forwarded-Proto", proto)
		if c := w.Result().Cookies(); len(c) != 1 || c[0].Secure != want {
			t.Errorf("%q: %+v", proto, c)
		}
	}
	f.do("POST", "/api/login", strings.NewReader(`{"token": "guess-1"}`), "X-Forwarded-For", "203.0.113.9")
	f.do("GET", "/api/indexes", nil, "Authorization", "Bearer guess-2", "X-Forwarded-For", "203.0.113.9")
	if n := strings.Count(log.String(), "from=203.0.113.9"); n != 2 || strings.Contains(log.String(), "guess") {
		t.Errorf("the log: %s", log.String())
	}
}

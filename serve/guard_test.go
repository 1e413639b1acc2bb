package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"clipgo/internal/fault"
)

const token = "0123456789abcdef0123"

// Each rule of the chain, allowed and refused.
func TestTheGuardDecidesWhoMayAsk(t *testing.T) {
	local := newFixture(t, func(o *Options) {
		o.Origins = []string{"https://friend.example"}
		o.Hosts = []string{"pictures.example"}
	})
	secret := newFixture(t, func(o *Options) { o.Token = token })
	wide := newFixture(t, func(o *Options) { o.Addr, o.Token, o.Roots = "0.0.0.0:80", token, []string{t.TempDir()} })
	based := newFixture(t, func(o *Options) { o.BasePath = "/photos" })
	bearer := "Bearer " + token
	knn := `{"text":"red","modality":"image","num_images":0,"num_result_ids":1,"indice_name":null}`
	for _, c := range []struct {
		name           string
		f              *fixture
		method, target string
		headers        []string
		code           int
	}{
		{"loopback", local, "GET", "/api/search?q=red", nil, 200},
		{"localhost", local, "GET", "/api/health", []string{"Host", "localhost:80"}, 200},
		{"IPv6 loopback", local, "GET", "/api/health", []string{"Host", "[::1]:80"}, 200},
		{"a name of the settings, behind a proxy", local, "GET", "/api/health", []string{"Host", "Pictures.example"}, 200},
		{"another name (DNS rebinding)", local, "GET", "/api/health", []string{"Host", "evil.example:80"}, 421},
		{"another port", local, "GET", "/api/health", []string{"Host", "localhost:81"}, 421},
		{"another address", local, "GET", "/api/health", []string{"Host", "192.168.1.7:80"}, 421},
		{"the page's own files, too", local, "GET", "/web/app.js", []string{"Host", "evil.example"}, 421},

		{"a program without an Origin", local, "POST", "/knn-service", nil, 200},
		{"the page itself", local, "POST", "/knn-service", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a page of another site", local, "POST", "/knn-service", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"an old browser of another site", local, "POST", "/knn-service", []string{"Origin", "https://evil.example"}, 403},
		{"a form of another site", local, "POST", "/api/pictures",
			[]string{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}, 403},
		{"an origin of the settings", local, "POST", "/knn-service",
			[]string{"Origin", "https://friend.example", "Sec-Fetch-Site", "cross-site"}, 200},

		{"no token", secret, "GET", "/api/search?q=red", nil, 401},
		{"a wrong token", secret, "GET", "/api/search?q=red", []string{"Authorization", "Bearer 0123456789abcdef0124"}, 401},
		{"a token", secret, "GET", "/api/search?q=red", []string{"Authorization", bearer}, 200},
		{"the cookie", secret, "GET", "/thumb?row=0", []string{"Cookie", "clipgo=" + cookieValue(token)}, 200},
		{"the token as a cookie", secret, "GET", "/thumb?row=0", []string{"Cookie", "clipgo=" + token}, 401},
		{"clip-retrieval by cookie", secret, "POST", "/knn-service", []string{"Cookie", "clipgo=" + cookieValue(token)}, 401},
		{"clip-retrieval by bearer", secret, "POST", "/knn-service", []string{"Authorization", bearer}, 200},
		{"the metrics are no secret's exception", secret, "GET", "/metrics", nil, 401},
		{"the page before its login", secret, "GET", "/", nil, 200},
		{"health", secret, "GET", "/api/health", nil, 200},

		{"an address as a Host", wide, "GET", "/api/health", []string{"Host", "192.168.1.7:80"}, 200},
		{"a name that nobody gave", wide, "GET", "/api/health", []string{"Host", "evil.example:80"}, 421},

		{"below a base path", based, "GET", "/photos/api/health", nil, 200},
		{"a proxy that takes it off", based, "GET", "/api/health", nil, 200},
		{"a doubled slash", local, "POST", "//knn-service", nil, 200},
		{"dots lead nowhere", local, "GET", "/web/../../etc/passwd", nil, 404},
	} {
		var body io.Reader
		if c.method == "POST" {
			body = strings.NewReader(knn)
		}
		if w := c.f.do(c.method, c.target, body, c.headers...); w.Code != c.code {
			t.Errorf("%s: %d, want %d: %.200s", c.name, w.Code, c.code, w.Body)
		}
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Origins = []string{"https://friend.example"} })
	w := f.do("GET", "/", nil)
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
		if w.Header().Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	const friend = "https://friend.example"
	for origin, want := range map[string]string{friend: friend, "https://evil.example": "", "null": ""} {
		w := f.do("OPTIONS", "/knn-service", nil, "Origin", origin, "Access-Control-Request-Method", "POST")
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: allowed %q, want %q", origin, got, want)
		}
	}
}

func TestLoginChangesTheTokenIntoACookie(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Token = token })
	if w := f.do("POST", "/api/login", strings.NewReader(`{"token":"0123456789abcdef0124"}`)); w.Code != 401 {
		t.Errorf("a wrong token: %d", w.Code)
	}
	w := f.do("POST", "/api/login", strings.NewReader(`{"token":"`+token+`"}`))
	c := w.Result().Cookies()
	if w.Code != 200 || len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode || strings.Contains(c[0].Value, token) {
		t.Fatalf("%d, %v", w.Code, c)
	}
	if w := f.do("GET", "/api/indexes", nil, "Cookie", c[0].Name+"="+c[0].Value); w.Code != 200 {
		t.Errorf("the cookie is refused: %d", w.Code)
	}
}

func TestSettingsThatWouldOpenTheServerAreRefused(t *testing.T) {
	for _, c := range []struct {
		o   Options
		key string
	}{
		{Options{Addr: "0.0.0.0:8808", Roots: []string{"/"}}, "token"},
		{Options{Addr: "192.168.1.7:8808", Token: token}, "root"},
		{Options{Addr: ":8808", Token: "short", Roots: []string{"/"}}, "token"},
		{Options{Addr: "localhost"}, "addr"},
		{Options{Addr: "localhost:1", Origins: []string{"*"}}, "cors"},
		{Options{Addr: "localhost:1", BasePath: "photos"}, "base_path"},
		{Options{Addr: "localhost:1"}, "index"},
	} {
		_, err := New(nil, c.o)
		var f *fault.Error
		if !errors.As(err, &f) || f.Key != c.key || fault.Of(err) != fault.Usage {
			t.Errorf("%+v: %v, want a complaint of %s", c.o, err, c.key)
		}
	}
}

// serving answers on a real address until the test ends.
func serving(t *testing.T, f *fixture) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.options.Addr = l.Addr().String()
	f.handler = f.Handler()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Serve(ctx, l) }()
	stop = func() error {
		cancel()
		return <-ended
	}
	t.Cleanup(cancel)
	return l.Addr().String(), stop
}

// Half a request holds its connection, and nobody else's.
func TestHalfRequestsHoldNobodyUp(t *testing.T) {
	f := newFixture(t)
	addr, stop := serving(t, f)
	var half []net.Conn
	for i := range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		half = append(half, c)
		part := []string{"GET /api/sea", "POST /api/pictures HTTP/1.1\r\nHost: " + addr + "\r\nContent-Length: 1000\r\n\r\nabc", ""}[i%3]
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := http.Get("http://" + addr + "/api/search?q=red&limit=1")
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	for _, c := range []struct{ raw, want string }{
		{"GET / HTTP/1.1\r\nHost: " + addr + "\r\nX: " + strings.Repeat("a", 2*headerBytes) + "\r\n\r\n", "431"},
		{"GET / HTTP/1.1\r\n\r\n", "400"},
		{"BREW / HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", "404"},
		{"\x16\x03\x01\x00\xff\x01\x00\r\n\r\n", "400"},
	} {
		if got := rawAnswer(t, addr, c.raw); !strings.Contains(got, c.want) {
			t.Errorf("%.30q: %q, want %s", c.raw, got, c.want)
		}
	}
	for _, c := range half {
		c.Close()
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func rawAnswer(t *testing.T, addr, raw string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, raw); err != nil {
		return fmt.Sprint(err)
	}
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

// A request that runs when the server is stopped gets its answer; one that comes later is turned away.
func TestStoppingWaitsForWhatRuns(t *testing.T) {
	f := newFixture(t)
	f.model.gate = make(chan struct{})
	addr, stop := serving(t, f)
	code := make(chan int, 1)
	go func() {
		answer, err := http.Get("http://" + addr + "/api/search?q=red")
		if err != nil {
			t.Error(err)
			code <- 0
			return
		}
		answer.Body.Close()
		code <- answer.StatusCode
	}()
	for f.model.batches.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for !f.stopping.Load() {
		time.Sleep(time.Millisecond)
	}
	if w := f.do("GET", "/api/health", nil, "Host", addr); w.Code != 503 {
		t.Errorf("health while the server ends: %d", w.Code)
	}
	close(f.model.gate)
	if got := <-code; got != 200 {
		t.Errorf("the request that ran: %d", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

package store

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote/remotetest"
)

// Each wrong address, and each server that is not as it should be, is one line with the way out.
func TestHTTPErrorsSayWhatToDo(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	server := serveFiles(t, map[string][]byte{"a.tar": content(10)})
	for _, c := range []struct {
		name   string
		fault  remotetest.Fault
		kind   fault.Kind
		want   string
		faults int64 // retries
	}{
		{server.URL + "/b.tar", nil, fault.Usage, "there is no such object", 0},
		{server.URL + "/b-{0..2}.tar", nil, fault.Usage, "b-0.tar: there is no such object", 0},
		{server.URL + "/*.tar", nil, fault.Usage, "name them with braces", 0},
		{server.URL + "/", nil, fault.Data, "web page", 0},
		{"http://", nil, fault.Usage, "not a valid URL", 0},
		{"http://%zz/", nil, fault.Usage, "not a valid URL", 0},
		{server.URL + "/a.tar", remotetest.LoginPage, fault.Data, "web page (HTML)", 0},
		{server.URL + "/a.tar", remotetest.Status(401, ""), fault.Usage, "401 (Unauthorized)", 0},
		{server.URL + "/a.tar", remotetest.Status(403, ""), fault.Usage, "403 (Forbidden)", 0},
		{server.URL + "/a.tar", remotetest.Status(418, ""), fault.Usage, "418", 0},
		{server.URL + "/a.tar", remotetest.Status(503, ""), fault.Failed, "503 (Service Unavailable)", 4},
		{server.URL + "/a.tar", remotetest.Status(429, "86400"), fault.Failed, "asks to wait 24h", 0},
		{server.URL + "/a.tar", remotetest.Redirect("file://"), fault.Failed, "not safe", 0},
		{server.URL + "/a.tar", remotetest.Redirect(server.URL), fault.Failed, "redirects", 0},
		{gone.URL + "/a.tar", nil, fault.Failed, "no answer from 127.0.0.1", 4},
		{tls.URL + "/a.tar", nil, fault.Failed, "can't be trusted (name the file of its certificate authority in SSL_CERT_FILE)", 0},
		{"https" + strings.TrimPrefix(server.URL, "http") + "/a.tar", nil, fault.Failed, "is the address http:// instead of https://?", 0},
	} {
		server.Choose = func(*http.Request) remotetest.Fault { return c.fault }
		s := patient(t, Options{})
		_, err := s.Find(t.Context(), c.name)
		first, _, _ := strings.Cut(c.name, "{")
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.Of(err) != c.kind || !strings.HasPrefix(err.Error(), first) {
			t.Errorf("%s: kind %d: %v; want %s", c.name, fault.Of(err), err, c.want)
		}
		if n := s.Stats().Retries; n != c.faults {
			t.Errorf("%s: %d retries, want %d: %v", c.name, n, c.faults, err)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), first) > 1) {
			t.Errorf("%v", err)
		}
	}
	if _, err := patient(t, Options{}).List(t.Context(), server.URL); fault.Of(err) != fault.Usage {
		t.Errorf("list: %v", err)
	}
	server.Choose = nil
	if _, err := patient(t, Options{}).Find(t.Context(), server.URL+"/b.tar"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A read that can't succeed names the object, the place and the reason, and is given up after the attempts.
func TestAReadThatFailsNamesObjectOffsetAndReason(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(1000)})
	for _, c := range []struct {
		fault   remotetest.Fault
		kind    fault.Kind
		want    string
		retries int64
	}{
		{remotetest.Status(500, ""), fault.Failed, "500", readAttempts - 1},
		{remotetest.Status(404, ""), fault.Data, "not there any more", fickleAttempts - 1},
		{remotetest.Status(403, ""), fault.Usage, "403", fickleAttempts - 1},
		{remotetest.LoginPage, fault.Data, "web page", fickleAttempts - 1},
		{remotetest.Whole, fault.Failed, "the whole object in place of a part", readAttempts - 1},
		{remotetest.OtherPart, fault.Failed, "another part", readAttempts - 1},
	} {
		s := patient(t, Options{})
		server.Choose = nil
		o := find(t, s, strings.Replace(server.URL, "://", "://me:hunter22@", 1)+"/a.tar?token=hunter22")
		server.Choose = func(*http.Request) remotetest.Fault { return c.fault }
		_, err := s.ReadAt(t.Context(), o, make([]byte, 10), 500)
		if err == nil || !strings.HasPrefix(err.Error(), server.URL+"/a.tar: at byte 500: ") || !strings.Contains(err.Error(), c.want) ||
			fault.Of(err) != c.kind || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("kind %d: %v; want %s", fault.Of(err), err, c.want)
		}
		if n := s.Stats().Retries; n != c.retries {
			t.Errorf("%d retries, want %d: %v", n, c.retries, err)
		}
	}
}

// User and password go to their own server alone, and are part of no name.
func TestCredentialsStayWithTheirServer(t *testing.T) {
	want := content(1000)
	var mu sync.Mutex
	var users, leaks []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		leaks = append(leaks, r.Header.Get("Authorization"))
		mu.Unlock()
		http.ServeFile(w, r, "")
	}))
	defer elsewhere.Close()
	files := serveFiles(t, map[string][]byte{"a.tar": want})
	elsewhere.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		leaks = append(leaks, r.Header.Get("Authorization"))
		mu.Unlock()
		files.Faults.ServeHTTP(w, r)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		mu.Lock()
		users = append(users, user+" "+password+" "+r.URL.RawQuery)
		mu.Unlock()
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
	}))
	defer server.Close()
	s := patient(t, Options{})
	o := find(t, s, strings.Replace(server.URL, "://", "://me:hunter22@", 1)+"/a.tar?sig=abc")
	reads(t, s, o, want, 1)
	for _, u := range users {
		if u != "me hunter22 sig=abc" {
			t.Errorf("the server saw %q", u)
		}
	}
	for _, l := range leaks {
		if l != "" {
			t.Errorf("the other server saw %q", l)
		}
	}
	if len(leaks) == 0 || o.Name != server.URL+"/a.tar" {
		t.Errorf("%d requests, %s", len(leaks), o.Name)
	}
}

// A server that allows GET alone, as for a signed URL, is asked for the first byte.
func TestAServerWithoutHEADIsRead(t *testing.T) {
	for _, code := range []int{403, 405, 501} {
		server := serveFiles(t, map[string][]byte{"a.tar": content(1000), "empty.tar": nil})
		server.Choose = func(r *http.Request) remotetest.Fault {
			if r.Method == http.MethodHead {
				return remotetest.Status(code, "")
			}
			return nil
		}
		s := patient(t, Options{})
		o := find(t, s, server.URL+"/a.tar")
		if o.Sequential || o.Size != 1000 {
			t.Errorf("%d: %+v", code, o)
		}
		reads(t, s, o, content(1000), 1)
		if o := find(t, s, server.URL+"/empty.tar"); o.Size != 0 {
			t.Errorf("%d: %+v", code, o)
		}
	}
}

func TestPatternsOfFilesSuggestTheNearestName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"shard-00.tar", "zebra.csv"} {
		write(t, dir+"/"+name, "")
	}
	for _, name := range []string{"shard-9*.tar", "shrad-00.tar"} {
		_, err := New(Options{}).Find(t.Context(), dir+"/"+name)
		if err == nil || !strings.HasSuffix(err.Error(), "the nearest name is "+dir+"/shard-00.tar") {
			t.Errorf("%v", err)
		}
	}
}

// The stream of a file ends as io.Reader says, and one that is closed gives nothing more.
func TestStreamsEnd(t *testing.T) {
	server := serveFiles(t, map[string][]byte{"a.tar": content(100)})
	s := patient(t, Options{})
	for _, name := range []string{server.URL + "/a.tar", server.dir + "/a.tar"} {
		r, err := s.Stream(t.Context(), find(t, s, name), 90)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(r, make([]byte, 10)); n != 10 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		for range 2 {
			if n, err := r.Read(make([]byte, 10)); n != 0 || err != io.EOF {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	r, err := s.Stream(t.Context(), find(t, s, server.URL+"/a.tar"), 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("closed: %d, %v", n, err)
	}
	small := bounded.Kind{Name: "a test", Limit: 50}
	if _, err := s.ReadAll(t.Context(), find(t, s, server.URL+"/a.tar"), small); err == nil {
		t.Error("more than the limit was read")
	}
	_ = os.Remove(server.dir + "/a.tar")
}

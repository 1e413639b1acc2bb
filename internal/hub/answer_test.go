package hub

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestServersMistakesAreFound(t *testing.T) {
	weights := model()["open_clip_model.safetensors"]
	other := slices.Clone(weights)
	other[len(other)/2] ^= 1
	onStore := func(serve func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/open_clip_model.safetensors" {
				return false
			}
			serve(w, r)
			return true
		}
	}
	onFile := func(serve func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/tokenizer.json") {
				return false
			}
			serve(w, r)
			return true
		}
	}
	onList := func(body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				fmt.Fprint(w, body)
				return true
			}
			return false
		}
	}
	for _, test := range []struct {
		name  string
		wrong func(http.ResponseWriter, *http.Request) bool
		want  string
	}{
		{"another content of the same length", onStore(func(w http.ResponseWriter, r *http.Request) { serveBytes(w, r, other) }),
			"SHA-256"},
		{"shorter than promised", onStore(func(w http.ResponseWriter, r *http.Request) { serveBytes(w, r, weights[:1000]) }),
			"broke off after 1000"},
		{"longer than promised", onStore(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(slices.Clone(weights), 1))
		}), "more came"},
		{"git content that is another", onFile(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"`+gitID([]byte("{}"))+`"`)
			serveBytes(w, r, []byte("[]"))
		}), "git's id"},
		{"an ETag that is a path", onFile(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"../../../evil"`)
			serveBytes(w, r, []byte("{}"))
		}), "ETag"},
		{"another commit", onFile(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Repo-Commit", strings.Repeat("a", 40))
			w.Header().Set("ETag", `"`+gitID([]byte("{}"))+`"`)
			serveBytes(w, r, []byte("{}"))
		}), "commit"},
		{"a tokenizer of a terabyte", onFile(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Linked-Etag", strings.Repeat("b", 64))
			w.Header().Set("X-Linked-Size", "1099511627776")
			w.WriteHeader(http.StatusOK)
		}), "more than"},
		{"redirects in a circle", onFile(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		}), "redirects"},
		{"a redirect to another scheme", onFile(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}), "not safe"},
		{"a list that is a web page", onList("<html>"), "not JSON"},
		{"a list without a commit", onList(`{"sha": "../..", "siblings": []}`), "no commit"},
		{"a name above the cache", onList(`{"sha": "` + testCommit + `", "siblings": [{"rfilename": "../../evil.json"}]}`),
			"would leave the cache"},
		{"an absolute name", onList(`{"sha": "` + testCommit + `", "siblings": [{"rfilename": "/etc/evil.json"}]}`),
			"would leave the cache"},
		{"no weights", onList(`{"sha": "` + testCommit + `", "siblings": [{"rfilename": "config.json"}]}`), "no weights"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, model())
			h.wrong = test.wrong
			c, _ := h.client(t)
			_, err := c.Snapshot(t.Context(), testRepo, "main")
			complains(t, err, test.want)
			if _, ok := newStore(c.Cache, testRepo).find("main"); ok {
				t.Error("main leads to a snapshot that is not whole")
			}
		})
	}
}

// complains checks that an error is one line with some words in it.
func complains(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not mention %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "signature=") {
		t.Errorf("%q is more than one line, or tells a secret", err)
	}
}

func TestETagThatChangesInBetweenStartsAgain(t *testing.T) {
	old, now := []byte(`{"version": "0.9"}`), model()["tokenizer.json"]
	for name, etag := range map[string]func(data []byte) string{
		"git's ids":      func(data []byte) string { return `"` + gitID(data) + `"` },
		"a mirror's own": func(data []byte) string { return `W/"` + gitID(data)[:7] + `"` }, // proves nothing of the content
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, model())
			var asked int
			h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/tokenizer.json") {
					return false
				}
				data := now
				if asked++; asked == 1 {
					data = old
				}
				w.Header().Set("ETag", etag(data))
				serveBytes(w, r, data)
				return true
			}
			c, _ := h.client(t)
			dir := get(t, c, h)
			holds(t, dir, "tokenizer.json", now)
			if link, err := os.Readlink(filepath.Join(dir, "tokenizer.json")); err != nil ||
				!strings.Contains(etag(now), filepath.Base(link)) {
				t.Errorf("tokenizer.json leads to %q, %v", link, err)
			}
		})
	}
}

func TestStatusBecomesAdvice(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		header string // X-Error-Code
		token  string
		want   []string
	}{
		{"gated, no token", 401, "GatedRepo", "", []string{"gated (401)", "accept its terms at", "HF_TOKEN"}},
		{"gated, another's token", 403, "GatedRepo", testToken, []string{"gated (403)", "no access"}},
		{"private or absent", 401, "RepoNotFound", "", []string{"401", "HF_TOKEN"}},
		{"bad token", 401, "", testToken, []string{"refuses the token (401)"}},
		{"forbidden", 403, "", testToken, []string{"403", "because: so it is"}},
		{"no repository", 404, "RepoNotFound", testToken, []string{"no such repository", "404"}},
		{"no revision", 404, "RevisionNotFound", testToken, []string{"no revision main", "404"}},
		{"other", 418, "", "", []string{"418"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, model())
			h.wrong = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("X-Error-Code", test.header)
				w.Header().Set("X-Error-Message", "because: so\tit is")
				w.WriteHeader(test.status)
				return true
			}
			c, pauses := h.client(t)
			c.Token = test.token
			_, err := c.Snapshot(t.Context(), testRepo, "main")
			complains(t, err, append(test.want, testRepo)...)
			var refused *RefusedError
			if !errors.As(err, &refused) || len(*pauses) > 0 {
				t.Errorf("%T after pauses %v", err, *pauses)
			}
		})
	}
}

func TestBusyServerIsAskedAgain(t *testing.T) {
	for _, test := range []struct {
		status, times int
		after         string
		want          []time.Duration
	}{
		{429, 1, "7", []time.Duration{7 * time.Second}},
		{429, 2, "", []time.Duration{time.Second, 2 * time.Second}},
		{500, 4, "", []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		{503, 1, "soon", []time.Duration{time.Second}},
	} {
		t.Run(fmt.Sprint(test.status, test.times), func(t *testing.T) {
			h := newHub(t, model())
			var times int
			h.wrong = func(w http.ResponseWriter, _ *http.Request) bool {
				if times++; times > test.times {
					return false
				}
				w.Header().Set("Retry-After", test.after)
				w.WriteHeader(test.status)
				return true
			}
			c, pauses := h.client(t)
			get(t, c, h)
			if !slices.Equal(*pauses, test.want) {
				t.Errorf("paused %v, want %v", *pauses, test.want)
			}
		})
	}
}

func TestServerThatStaysBusyIsGivenUp(t *testing.T) {
	for after, want := range map[string]struct {
		asked int
		words string
	}{"": {attempts, "429"}, "86400": {1, "asks to wait 24h"}} {
		h := newHub(t, model())
		h.wrong = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		c, _ := h.client(t)
		_, err := c.Snapshot(t.Context(), testRepo, "main")
		complains(t, err, want.words)
		if len(h.seen) != want.asked {
			t.Errorf("asked %d times, want %d", len(h.seen), want.asked)
		}
	}
}

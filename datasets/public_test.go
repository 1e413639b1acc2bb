package datasets

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// Credentials in the name of data are used, and are neither in the source's name nor in errors.
func TestNamesOfDataHoldNoCredentials(t *testing.T) {
	root := shardTree(t, map[string]string{"0.tar": "a.jpg=p a.txt=one b.jpg=p b.txt=two"})
	files := http.FileServer(http.Dir(root))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "hidden" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)       // after the sources, whose connections it waits for
	t.Setenv("HOME", t.TempDir()) // for the index
	t.Setenv("XDG_CACHE_HOME", os.Getenv("HOME"))
	base := strings.Replace(server.URL, "://", "://me:hidden@", 1)
	for _, src := range []string{base + "/0.tar", base + "/{0..0}.tar", base + "/0.tar::" + base + "/0.tar"} {
		s := openForTest(t, src, Options{Need: NeedCaptions})
		if name := s.Info().Name; strings.Contains(name, "hidden") || !strings.HasPrefix(name, server.URL) {
			t.Errorf("the name is %q", name)
		}
		if e := entryOf(t, s, 0); strings.Contains(e.Key+e.File, "hidden") {
			t.Errorf("%+v", e)
		}
	}
	for _, src := range []string{
		base + "/1.tar", base + "/{0..}{.tar", base + "/a.pdf", base + "/0.tar::" + base + "/2.csv", base + "/0.csv",
	} {
		s, err := Open(t.Context(), src, Options{Need: NeedLabels})
		if err == nil {
			t.Errorf("%s is opened: %v", src, s.Info())
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

package store

import (
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
	"clipgo/internal/remote/remotetest"
)

func TestFilesOfTheHubAreReadAsLocalOnes(t *testing.T) {
	want := content(1<<20 + 5)
	h := remotetest.ServeHub(t, map[string][]byte{"data/train-00.tar": want, "data/train-01.tar": want[:10], "data/sub/x.tar": nil,
		"README.md": []byte("#")})
	s := patient(t, Options{Cache: t.TempDir()})
	for name, found := range map[string]string{
		"hf-hub:datasets/org/set/data/train-{00..01}.tar": "train-00.tar train-01.tar",
		"hf-hub:datasets/org/set@main/data/train-*.tar":   "train-00.tar train-01.tar",
		"hf-hub:datasets/org/set@v1.0/README.md":          "README.md",
		"HF-Hub:datasets/org/set/*/*/*.tar":               "x.tar",
	} {
		got, err := s.Find(t.Context(), name)
		if err != nil || names(got) != found || filepath.Dir(got[0].Name) != filepath.Dir(name) && !strings.Contains(name, "*") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := s.List(t.Context(), "hf-hub:datasets/org/set@main/data/"); err != nil || names(got) != "train-00.tar train-01.tar" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := s.List(t.Context(), "hf-hub:datasets/org/set"); err != nil || names(got) != "README.md" {
		t.Errorf("%v, %v", got, err)
	}
	o := find(t, s, "hf-hub:datasets/org/set/data/train-00.tar")
	if o.Name != "hf-hub:datasets/org/set/data/train-00.tar" || o.Version != remotetest.Digest(want) || o.Size != int64(len(want)) {
		t.Errorf("%+v", o)
	}
	h.Store.Choose = remotetest.Random(1, 0.5, 20, remotetest.Reset, remotetest.Status(503, ""), remotetest.Short,
		remotetest.Status(403, ""))
	reads(t, s, o, want, 1)
	if h.Leaks.Load() > 0 {
		t.Error("the other host saw the token")
	}
	if n := h.Lists.Load(); n != 2 {
		t.Errorf("main and v1.0 were listed %d times", n)
	}
}

func TestFilesOfTheHubAreOfOneCommit(t *testing.T) {
	h := remotetest.ServeHub(t, map[string][]byte{"a.tar": content(100)})
	s := patient(t, Options{})
	for range 3 {
		find(t, s, "hf-hub:datasets/org/set/a.tar")
	}
	if n := h.Lists.Load(); n != 1 {
		t.Errorf("%d lists", n)
	}
	o := find(t, s, "hf-hub:datasets/org/set/a.tar")
	h.Files["a.tar"] = content(101)[:100]
	var changed *ChangedError
	if _, err := s.ReadAll(t.Context(), o, bounded.Any); !errors.As(err, &changed) {
		t.Errorf("%v", err)
	}
}

func TestHubErrorsSayWhatToDo(t *testing.T) {
	remotetest.ServeHub(t, map[string][]byte{"data/train-00.tar": nil})
	for name, want := range map[string]string{
		"hf-hub:datasets/org":                  "hf-hub:datasets/ORG/REPO[@REVISION]/PATH is expected",
		"hf-hub:datasets/org/set@/x":           "is no revision",
		"hf-hub:datasets/org/set/data/a.tar":   "there is no such object; the nearest name is hf-hub:datasets/org/set/data/train-00.tar",
		"hf-hub:datasets/org/set/data/x-*.tar": "nothing matches the pattern; the nearest name is",
		"hf-hub:datasets/org/other/a.tar":      "no such repository",
		"hf-hub:datasets/org/set/data/[.tar":   "syntax error",
	} {
		_, err := patient(t, Options{}).Find(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Usage ||
			strings.Contains(err.Error(), remotetest.HubToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := patient(t, Options{}).List(t.Context(), "hf-hub:datasets/org/set/no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	_, err := patient(t, Options{}).Find(t.Context(), "hf-hub:datasets/org/set/a")
	if err == nil || !strings.Contains(err.Error(), "HF_HUB_OFFLINE") {
		t.Errorf("%v", err)
	}
}

// The hub limits requests, so it is asked once where a file is, and again when that address is not valid any more.
func TestTheHubIsAskedOnceWhereAFileIs(t *testing.T) {
	want := content(10_000)
	h := remotetest.ServeHub(t, map[string][]byte{"a.tar": want})
	s := patient(t, Options{})
	o := find(t, s, "hf-hub:datasets/org/set/a.tar")
	for asked, choose := range []func(*http.Request) remotetest.Fault{
		1: nil,
		2: remotetest.First(1, remotetest.Status(403, "")),
		3: remotetest.First(1, remotetest.LoginPage),
	} {
		if h.Store.Choose = choose; asked == 0 {
			continue
		}
		reads(t, s, o, want, 1)
		if n := h.Asked.Load(); n != int64(asked) {
			t.Errorf("asked %d times, want %d", n, asked)
		}
	}
	if h.Leaks.Load() > 0 {
		t.Error("the other host saw the token")
	}
}

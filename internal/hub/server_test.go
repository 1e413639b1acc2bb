package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testRepo   = "org/model"
	testCommit = "0123456789abcdef0123456789abcdef01234567"
	testToken  = "hf_secret"
)

// hubServer answers as the hub does: files in git directly, those in LFS by a redirect to a store on another host.
// wrong, where it is set, answers instead; it returns false to leave the request to the hub.
type hubServer struct {
	*httptest.Server
	store *httptest.Server
	files map[string][]byte
	wrong func(w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	seen   []string // METHOD PATH RANGE
	leaked []string // requests at the store that carried a token
}

func newHub(t testing.TB, files map[string][]byte) *hubServer {
	t.Helper()
	h := &hubServer{files: files}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	h.store = httptest.NewServer(http.HandlerFunc(h.serveStore))
	t.Cleanup(h.Close)
	t.Cleanup(h.store.Close)
	return h
}

func (h *hubServer) note(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = append(h.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
}

// count says how many requests begin with a prefix.
func (h *hubServer) count(prefix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seen {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

func (h *hubServer) serve(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	if h.wrong != nil && h.wrong(w, r) {
		return
	}
	w.Header().Set("X-Repo-Commit", testCommit)
	if strings.HasPrefix(r.URL.Path, "/api/") {
		_ = json.NewEncoder(w).Encode(h.listing())
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+testRepo+"/resolve/"+testCommit+"/")
	if !ok { // the real huggingface_hub asks by the branch
		name, ok = strings.CutPrefix(r.URL.Path, "/"+testRepo+"/resolve/main/")
	}
	data, found := h.files[name]
	if !ok || !found {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, "Entry not found", http.StatusNotFound)
		return
	}
	if !isWeights(name) {
		w.Header().Set("ETag", `"`+gitID(data)+`"`)
		serveBytes(w, r, data)
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+sha(data)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(data)))
	http.Redirect(w, r, h.store.URL+"/"+name+"?signature=secret", http.StatusFound)
}

func (h *hubServer) serveStore(w http.ResponseWriter, r *http.Request) {
	h.note(r)
	if r.Header.Get("Authorization") != "" {
		h.mu.Lock()
		h.leaked = append(h.leaked, r.URL.Path)
		h.mu.Unlock()
	}
	if h.wrong != nil && h.wrong(w, r) {
		return
	}
	w.Header().Set("ETag", `"the-store's-own"`)
	serveBytes(w, r, h.files[strings.TrimPrefix(r.URL.Path, "/")])
}

func serveBytes(w http.ResponseWriter, r *http.Request, data []byte) {
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
}

func (h *hubServer) listing() any {
	var siblings []map[string]any
	for name, data := range h.files {
		f := map[string]any{"rfilename": name, "size": len(data), "blobId": gitID(data)}
		if isWeights(name) {
			f["lfs"] = map[string]any{"sha256": sha(data), "size": len(data), "pointerSize": 134}
		}
		siblings = append(siblings, f)
	}
	return map[string]any{"id": testRepo, "modelId": testRepo, "sha": testCommit, "siblings": siblings, "private": false,
		"tags": []string{}}
}

func sha(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func gitID(data []byte) string {
	s := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(s[:])
}

// model is a small repository; its weights have a megabyte that does not repeat.
func model() map[string][]byte {
	weights := make([]byte, 1<<20+13)
	for i := range weights {
		weights[i] = byte(i * i >> 7)
	}
	return map[string][]byte{
		"open_clip_config.json":       []byte(`{"model_cfg": {}}`),
		"open_clip_model.safetensors": weights,
		"open_clip_pytorch_model.bin": []byte("a pickle that nobody wants"),
		"tokenizer.json":              []byte(`{"version": "1.0"}`),
		"README.md":                   []byte("# A model"),
	}
}

// client is one that doesn't wait, and keeps how long it was asked to.
func (h *hubServer) client(t testing.TB) (*Client, *[]time.Duration) {
	pauses := &[]time.Duration{}
	return &Client{
		Endpoint: h.URL, Cache: t.TempDir(), Token: testToken,
		pause: func(ctx context.Context, d time.Duration) error {
			*pauses = append(*pauses, d)
			return ctx.Err()
		},
	}, pauses
}

// get makes a snapshot, which has to succeed and to hold the weights.
func get(t *testing.T, c *Client, h *hubServer) string {
	t.Helper()
	dir, err := c.Snapshot(t.Context(), testRepo, "main")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "open_clip_model.safetensors", h.files["open_clip_model.safetensors"])
	return dir
}

func holds(t *testing.T, dir, name string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("%s: %d bytes that are not the %d of the hub", name, len(got), len(want))
	}
}

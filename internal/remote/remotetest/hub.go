package remotetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const hubCommit = "0123456789abcdef0123456789abcdef01234567"

// HubToken is the token that the hub's users need.
const HubToken = "hf_secret"

// Hub answers as the Hugging Face hub does for the data set org/set: files in LFS by a redirect to a store on another host.
type Hub struct {
	*httptest.Server
	Store *Faults // the other host
	Files map[string][]byte
	Lists atomic.Int64 // requests for the list of files
	Asked atomic.Int64 // requests for content
	Leaks atomic.Int64 // requests to the other host that have the token

	digests sync.Map // from a content's beginning and size to its Digest
}

// ServeHub starts a hub, which the environment then names.
func ServeHub(t testing.TB, files map[string][]byte) *Hub {
	t.Helper()
	h := &Hub{Files: files}
	h.Store = &Faults{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			h.Leaks.Add(1)
		}
		w.Header().Set("ETag", `"the-store's-own"`)
		data := h.Files[strings.TrimPrefix(r.URL.Path, "/")]
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})}
	store := httptest.NewServer(h.Store)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, store.URL) }))
	t.Cleanup(h.Close)
	t.Cleanup(store.Close)
	t.Setenv("HF_ENDPOINT", h.URL)
	t.Setenv("HF_TOKEN", HubToken)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv("TRANSFORMERS_OFFLINE", "")
	return h
}

// Digest is the version that the hub gives to content.
func Digest(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// digest is the Digest of content, computed once: a set may be large.
func (h *Hub) digest(data []byte) string {
	if len(data) == 0 {
		return Digest(data)
	}
	type content struct {
		begin *byte
		size  int
	}
	of := content{&data[0], len(data)}
	known, ok := h.digests.Load(of)
	if !ok {
		known, _ = h.digests.LoadOrStore(of, Digest(data))
	}
	return known.(string)
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request, store string) {
	if r.Header.Get("Authorization") != "Bearer "+HubToken {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/datasets/org/set/revision/") {
		h.Lists.Add(1)
		var siblings []map[string]any
		for name, data := range h.Files {
			siblings = append(siblings, map[string]any{"rfilename": name, "size": len(data), "blobId": "git-" + name,
				"lfs": map[string]any{"sha256": h.digest(data), "size": len(data)}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sha": hubCommit, "siblings": siblings})
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/datasets/org/set/resolve/"+hubCommit+"/")
	data, found := h.Files[name]
	if !ok || !found {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h.Asked.Add(1)
	w.Header().Set("X-Linked-Etag", `"`+h.digest(data)+`"`)
	http.Redirect(w, r, store+"/"+name+"?signature=secret", http.StatusFound)
}

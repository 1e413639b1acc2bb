package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// cut answers weights with only a part of what it says.
func cut(bytes int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodGet && r.URL.Path == "/open_clip_model.safetensors" && truncate(w, r, bytes)
	}
}

func truncate(w http.ResponseWriter, r *http.Request, bytes int) bool {
	data := model()["open_clip_model.safetensors"]
	var from int
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	rest := data[from:]
	w.Header().Set("Content-Length", fmt.Sprint(len(rest)))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(rest[:min(bytes, len(rest))])
	if bytes < len(rest) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return true
}

func TestTruncatedTransferGoesOnWhereItStopped(t *testing.T) {
	h := newHub(t, model())
	h.wrong = cut(100_000) // eleven pieces: more than the attempts that bring nothing
	c, pauses := h.client(t)
	get(t, c, h)
	if n := h.count("GET /open_clip_model.safetensors"); n != 11 {
		t.Errorf("%d requests for 11 pieces", n)
	}
	for _, p := range *pauses {
		if p != firstPause {
			t.Errorf("pauses of %v, though each piece was new", *pauses)
		}
	}
}

func TestServerWithoutRangesIsReadFromTheStart(t *testing.T) {
	h := newHub(t, model())
	var gets int
	h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/open_clip_model.safetensors" {
			return false
		}
		r.Header.Del("Range")
		gets++
		return truncate(w, r, gets*400_000)
	}
	c, _ := h.client(t)
	get(t, c, h)
}

func TestServerThatNeverFinishesIsGivenUp(t *testing.T) {
	h := newHub(t, model())
	h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		return cut(1000)(w, r)
	}
	c, _ := h.client(t)
	_, err := c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "broke off after 1000")
	if n := h.count("GET /open_clip_model.safetensors"); n != attempts {
		t.Errorf("%d requests", n)
	}
}

func TestTransferThatStallsIsRepeated(t *testing.T) {
	h := newHub(t, model())
	var stalled atomic.Bool
	h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/open_clip_model.safetensors" || stalled.Swap(true) {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(model()["open_clip_model.safetensors"])))
		_, _ = w.Write(make([]byte, 0))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c, pauses := h.client(t)
	c.stall = 200 * time.Millisecond
	get(t, c, h)
	if len(*pauses) == 0 {
		t.Error("the stall was not noticed")
	}
}

// blobPart is where the unfinished weights are.
func blobPart(c *Client, h *hubServer) string {
	return filepath.Join(c.Cache, "models--org--model", "blobs", sha(h.files["open_clip_model.safetensors"])+".incomplete")
}

func TestLaterDownloadGoesOnWithThePart(t *testing.T) {
	for _, test := range []struct {
		name    string
		part    func(whole []byte) []byte
		fetches int // of the weights
		from    string
	}{
		{"half", func(b []byte) []byte { return b[:len(b)/2] }, 1, "bytes=524294-"},
		{"whole", func(b []byte) []byte { return b }, 0, ""},
		{"too long", func(b []byte) []byte { return append(slices.Clone(b), 1) }, 1, ""},
		{"wrong", func(b []byte) []byte { return make([]byte, 1000) }, 2, "bytes=1000-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub(t, model())
			c, _ := h.client(t)
			part := blobPart(c, h)
			if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(part, test.part(h.files["open_clip_model.safetensors"]), 0o644); err != nil {
				t.Fatal(err)
			}
			get(t, c, h)
			if n := h.count("GET /open_clip_model.safetensors"); n != test.fetches {
				t.Errorf("%d requests, want %d", n, test.fetches)
			}
			if test.from != "" && h.count("GET /open_clip_model.safetensors "+test.from) != 1 {
				t.Errorf("no request for %s: %v", test.from, h.seen)
			}
		})
	}
}

func TestCancelKeepsThePart(t *testing.T) {
	h := newHub(t, model())
	ctx, cancel := context.WithCancelCause(t.Context())
	h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/open_clip_model.safetensors" || r.Header.Get("Range") != "" {
			return false
		}
		data := h.files["open_clip_model.safetensors"]
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:300_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c, _ := h.client(t)
	c.Progress = func(name string, done, _ int64) {
		if name == "open_clip_model.safetensors" && done == 300_000 {
			cancel(errors.New("a signal"))
		}
	}
	if _, err := c.Snapshot(ctx, testRepo, "main"); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want that it was cancelled", err)
	}
	if st, err := os.Stat(blobPart(c, h)); err != nil || st.Size() != 300_000 {
		t.Fatalf("the part: %v, %v", st, err)
	}
	if _, ok := newStore(c.Cache, testRepo).find("main"); ok {
		t.Error("main leads to a snapshot that is not whole")
	}
	c.Progress = nil
	get(t, c, h)
	if h.count("GET /open_clip_model.safetensors bytes=300000-") != 1 {
		t.Errorf("it did not go on at 300000: %v", h.seen)
	}
}

func TestFullDiskIsSaidAndNothingIsLost(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	h := newHub(t, model())
	c, _ := h.client(t)
	part := blobPart(c, h)
	if err := os.MkdirAll(filepath.Dir(part), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", part); err != nil {
		t.Fatal(err)
	}
	_, err := c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "full", "goes on from what is there")
}

func TestKilledDownloadIsFinishedByTheNext(t *testing.T) {
	h := newHub(t, model())
	half := make(chan struct{}, 1)
	h.wrong = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || r.URL.Path != "/open_clip_model.safetensors" || r.Header.Get("Range") != "" {
			return false
		}
		data := h.files["open_clip_model.safetensors"]
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		half <- struct{}{}
		<-r.Context().Done()
		return true
	}
	home := t.TempDir()
	p := downloader(t, h, home)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	<-half
	part := filepath.Join(home, "hub", "models--org--model", "blobs", sha(h.files["open_clip_model.safetensors"])+".incomplete")
	for st, err := os.Stat(part); err != nil || st.Size() == 0; st, err = os.Stat(part) {
		time.Sleep(time.Millisecond)
	}
	_ = p.Process.Kill()
	_ = p.Wait()
	c, _ := h.client(t)
	c.Cache = filepath.Join(home, "hub")
	get(t, c, h)
	if n := h.count("GET /open_clip_model.safetensors bytes="); n != 1 {
		t.Errorf("%d requests went on: %v", n, h.seen)
	}
}

package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// asDownloader makes the test binary download from the endpoint of its environment, for tests with several processes.
const asDownloader = "CLIPGO_TEST_DOWNLOAD"

func TestMain(m *testing.M) {
	if os.Getenv(asDownloader) == "" {
		os.Exit(m.Run())
	}
	dir, err := FromEnvironment().Snapshot(context.Background(), testRepo, "main")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

// downloader is a process that downloads into a cache.
func downloader(t *testing.T, h *hubServer, home string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asDownloader+"=1", "HF_ENDPOINT="+h.URL, "HF_HOME="+home, "HF_TOKEN=", "HF_HUB_OFFLINE=")
	return c
}

func TestSnapshotHasTheLayoutOfHuggingFace(t *testing.T) {
	h := newHub(t, model())
	c, _ := h.client(t)
	dir := get(t, c, h)
	root := filepath.Join(c.Cache, "models--org--model")
	if want := filepath.Join(root, "snapshots", testCommit); dir != want {
		t.Errorf("the snapshot is %s, want %s", dir, want)
	}
	if ref, _ := os.ReadFile(filepath.Join(root, "refs", "main")); string(ref) != testCommit {
		t.Errorf("refs/main holds %q", ref)
	}
	for name, etag := range map[string]string{
		"open_clip_config.json":       gitID(h.files["open_clip_config.json"]),
		"tokenizer.json":              gitID(h.files["tokenizer.json"]),
		"open_clip_model.safetensors": sha(h.files["open_clip_model.safetensors"]),
	} {
		link, err := os.Readlink(filepath.Join(dir, name))
		if err != nil || link != "../../blobs/"+etag {
			t.Errorf("%s leads to %q, %v", name, link, err)
		}
	}
	for _, name := range []string{"open_clip_pytorch_model.bin", "README.md"} {
		if isFile(filepath.Join(dir, name)) {
			t.Errorf("%s was downloaded for nothing", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(root, "blobs", "*.incomplete")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTokenStaysWithTheEndpoint(t *testing.T) {
	h := newHub(t, model())
	var own atomic.Int64
	h.wrong = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer "+testToken {
			own.Add(1)
		}
		return false
	}
	c, _ := h.client(t)
	get(t, c, h)
	if len(h.leaked) > 0 || own.Load() == 0 {
		t.Errorf("the store saw the token at %v; the hub saw it %d times", h.leaked, own.Load())
	}
}

func TestSecondSnapshotAsksForTheListAlone(t *testing.T) {
	h := newHub(t, model())
	c, _ := h.client(t)
	get(t, c, h)
	before := len(h.seen)
	get(t, c, h)
	if asked := h.seen[before:]; len(asked) != 1 || !strings.Contains(asked[0], "/api/models/") {
		t.Errorf("asked again: %v", asked)
	}
}

func TestOfflineAsksNothing(t *testing.T) {
	h := newHub(t, model())
	c, _ := h.client(t)
	c.Offline = true
	_, err := c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "not in the cache", "HF_HUB_OFFLINE")
	c.Offline = false
	get(t, c, h)
	before := len(h.seen)
	c.Offline = true
	get(t, c, h)
	if len(h.seen) != before {
		t.Errorf("asked %v", h.seen[before:])
	}
	if err := os.Remove(filepath.Join(c.Cache, "models--org--model", "snapshots", testCommit, "open_clip_model.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "no weights")
}

func TestCacheStandsInForAHubThatIsAway(t *testing.T) {
	h := newHub(t, model())
	c, pauses := h.client(t)
	get(t, c, h)
	h.Close()
	get(t, c, h)
	if len(*pauses) > 0 {
		t.Errorf("waited %v though everything was there", *pauses)
	}
}

func TestShardsComeWithTheirIndex(t *testing.T) {
	files := map[string][]byte{
		"config.json": []byte("{}"),
		"model.safetensors.index.json": []byte(`{"weight_map": {"a": "model-00001-of-00002.safetensors",
			"b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}`),
		"model-00001-of-00002.safetensors": []byte("one"),
		"model-00002-of-00002.safetensors": []byte("two"),
		"model-00003-of-00002.safetensors": []byte("unused"),
	}
	h := newHub(t, files)
	c, _ := h.client(t)
	dir, err := c.Snapshot(t.Context(), testRepo, "main")
	if err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "model-00002-of-00002.safetensors", []byte("two"))
	if found, _ := os.ReadDir(dir); len(found) != 4 {
		t.Errorf("%d files, want 4", len(found))
	}
	c.Offline = true
	if err := os.Remove(filepath.Join(dir, "model-00002-of-00002.safetensors")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Snapshot(t.Context(), testRepo, "main")
	complains(t, err, "no model-00002-of-00002.safetensors")
	for index, want := range map[string]string{
		`{"weight_map": {"a": "../../../evil.safetensors"}}`: "as a shard",
		`{"weight_map": {"a": "absent.safetensors"}}`:        "lacks",
		`{"weight_map": {}}`:                                 "no shards",
		`[`:                                                  "not JSON",
	} {
		files["model.safetensors.index.json"] = []byte(index)
		c, _ := h.client(t)
		_, err := c.Snapshot(t.Context(), testRepo, "main")
		complains(t, err, want)
	}
}

func TestTwoProcessesDownloadOnce(t *testing.T) {
	h := newHub(t, model())
	head := "HEAD /" + testRepo + "/resolve/" + testCommit + "/open_clip_model.safetensors"
	h.wrong = func(_ http.ResponseWriter, r *http.Request) bool {
		for r.URL.Path == "/open_clip_model.safetensors" && h.count(head) < 2 { // until the other is there too
			time.Sleep(time.Millisecond)
		}
		return false
	}
	home := t.TempDir()
	first, second := downloader(t, h, home), downloader(t, h, home)
	for _, c := range []*exec.Cmd{first, second} {
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(first.Wait(), second.Wait()); err != nil {
		t.Fatal(err)
	}
	if n := h.count("GET /open_clip_model.safetensors"); n != 1 {
		t.Errorf("the weights were downloaded %d times", n)
	}
}

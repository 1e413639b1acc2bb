package run

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipgo/datasets/store"
	"clipgo/internal/golden"
	"clipgo/internal/remote/remotetest"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
)

// faulty is how much is trained while a server fails. CLIPGO_SOAK=1 makes it 500 steps and 1,000 faults. In 8 steps the number of requests,
// and so of faults, depends on how far the readers run ahead: few must be made.
type faulty struct {
	steps, faults int     // faults are the most that are made
	least         int     // fewer show that the server wasn't faulty
	share         float64 // of the requests that fail
	between       int     // bytes between two samples
}

func faultsOf() faulty {
	if os.Getenv("CLIPGO_SOAK") != "" {
		return faulty{500, 1000, 1000, 0.5, 1_600_000} // more than a store holds in memory
	}
	return faulty{8, 30, 10, 0.5, 200_000}
}

// wideShards are two archives of 40 small pictures with captions. What else is between them makes a read of a picture a request of its
// own: archives of a few MB are read as a whole.
func wideShards(t testing.TB, f faulty) map[string][]byte {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	files, between := map[string][]byte{}, bytes.Repeat([]byte("between "), f.between/8)
	for k := range 2 {
		var b, packed bytes.Buffer
		w := tar.NewWriter(&b)
		put := func(name string, data []byte) {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(data); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 40 {
			key := fmt.Sprintf("%d%03d", k, i)
			put(key+".png", noise(t, random))
			put(key+".txt", fmt.Appendf(nil, "picture number %d of shard %d", i, k))
			put(key+".bin", between)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(b.Bytes()) // a buffer takes everything
		_ = z.Close()
		files[fmt.Sprintf("%d.tar", k)], files[fmt.Sprintf("%d.tar.gz", k)] = b.Bytes(), packed.Bytes()
	}
	return files
}

func noise(t testing.TB, random *rand.Rand) []byte {
	t.Helper()
	im := image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range im.Pix {
		im.Pix[i] = uint8(random.Uint32()) | uint8(i%4/3*255) // opaque
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unreliable chooses faults for the requests for parts of an object, and those that end by themselves for all others: a look-up that is
// refused is refused.
func unreliable(f faulty, seed uint64, more ...remotetest.Fault) func(*http.Request) remotetest.Fault {
	away := []remotetest.Fault{remotetest.Status(500, ""), remotetest.Status(503, ""), remotetest.Status(429, "1"), remotetest.NoAnswer}
	all := append(append(more, away...), remotetest.Status(403, ""), remotetest.Reset, remotetest.Slow, remotetest.Short, remotetest.Whole,
		remotetest.OtherPart, remotetest.LoginPage)
	others := remotetest.Random(seed, f.share, f.faults/4, append(away, remotetest.Slow)...)
	parts := remotetest.Random(seed+1, f.share, f.faults, all...)
	return func(r *http.Request) remotetest.Fault {
		if part := r.Header.Get("Range"); part == "" || part == "bytes=0-0" {
			return others(r)
		}
		return parts(r)
	}
}

// trainFrom trains on data from a store, whose attempts follow each other without a pause, and returns the run's directory.
func trainFrom(t *testing.T, f faulty, st *store.Store, data string, settings ...string) string {
	t.Helper()
	model, out := filepath.Join(t.TempDir(), "tiny.json"), filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(model, []byte(tinyModel), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := New(t.Context(), append([]string{"train_data=" + data, "model=" + model, "batch_size=8", "val_frequency=0", "workers=4",
		"zeroshot_frequency=0", "log_frequency=4", "precision=fp32", "out=" + out, fmt.Sprint("steps=", f.steps), "save_frequency=1000",
	}, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	o.Data.Store = st
	mustTrain(t, o, nil)
	return out
}

func patientStore(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	o.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	st := store.New(o)
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// TestFaultsOfAServerDontChangeATraining trains from servers that fail all the time: the weights, the state of the optimizer and what was
// skipped are those of a training from the same files on disk.
func TestFaultsOfAServerDontChangeATraining(t *testing.T) {
	torchtest.Need(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	f, disk := faultsOf(), t.TempDir()
	files := wideShards(t, f)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(disk, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{}
	for _, ext := range []string{".tar", ".tar.gz"} {
		want[ext] = trainFrom(t, f, patientStore(t, store.Options{}), disk+"/{0..1}"+ext)
	}
	s3, hub := remotetest.ServeS3(t, files), remotetest.ServeHub(t, files)
	web := &remotetest.Faults{Next: http.FileServer(http.Dir(disk))}
	other, server := httptest.NewServer(web.Next), httptest.NewServer(web)
	t.Cleanup(other.Close)
	t.Cleanup(server.Close)
	stale := []remotetest.Fault{remotetest.Stale} // not of the hub: the other host has one version of a file under its address
	for seed, c := range []struct {
		base, ext string
		faults    *remotetest.Faults
		o         store.Options
		more      []remotetest.Fault
		few       bool // requests, since one reads much, or a refused one is asked for elsewhere
	}{
		{server.URL, ".tar", web, store.Options{}, append(stale, remotetest.Redirect(other.URL)), false},
		{server.URL, ".tar.gz", web, store.Options{}, stale, true},
		{server.URL, ".tar", web, store.Options{Cache: t.TempDir(), CacheSize: 4 << 20}, stale, true},
		{"s3://" + remotetest.Bucket, ".tar", s3.Faults, store.Options{}, stale, false},
		{"hf-hub:datasets/org/set", ".tar", hub.Store, store.Options{}, nil, true},
	} {
		c.faults.Choose = unreliable(f, uint64(10*seed), c.more...)
		before, began := c.faults.Made(), time.Now()
		out := trainFrom(t, f, patientStore(t, c.o), c.base+"/{0..1}"+c.ext)
		made := c.faults.Made() - before
		t.Logf("%s: %d faults in %d steps, %v", c.base, made, f.steps, time.Since(began).Round(time.Millisecond))
		if made < f.least && !c.few || made == 0 {
			t.Errorf("%s: only %d faults", c.base, made)
		}
		sameTraining(t, c.base+"/*"+c.ext, out, want[c.ext], f.steps)
	}
}

// sameTraining compares the files of two runs.
func sameTraining(t *testing.T, what, got, want string, step int) {
	t.Helper()
	last := filepath.Join(pretrained.CheckpointsDir, fmt.Sprintf("step-%08d", step))
	for _, name := range []string{filepath.Join(last, pretrained.WeightsFile), filepath.Join(last, "optimizer.safetensors"), SkippedFile} {
		a, err1 := os.ReadFile(filepath.Join(got, name))
		b, err2 := os.ReadFile(filepath.Join(want, name))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %s differs, %v %v %s", what, name, err1, err2, strings.TrimSpace(string(a[:min(len(a), 200)])))
		}
	}
}

// TestBorrowedPairsOfACommandAreSaid: the output of a command is read again for each evaluation if there is no other data for it.
func TestBorrowedPairsOfACommandAreSaid(t *testing.T) {
	shard := filepath.Join(golden.Dir(t, "webdataset"), "pairs", "00000.tar")
	const said = "there is no val_data: each evaluation reads training data again, from its beginning"
	for data, want := range map[string]bool{"pipe:cat " + shard: true, shard: false} {
		_, log := opened(t.Context(), t, "train_data="+data, "max_skip=1")
		if got := strings.Contains(log.String(), said); got != want {
			t.Errorf("%s: %s", data, log)
		}
	}
}

package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"image/color"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clipgo/search"
)

// benchDim is that of the features of the benchmark.
const benchDim = 512

// hashed is a model whose texts have features by their hash. What follows an exclamation mark changes them a little only, so that the
// server has to search again and finds the same pictures.
type hashed struct{ colours }

func (m *hashed) EmbedTexts(_ context.Context, texts []string) (out []float32, _ error) {
	for _, t := range texts {
		word, again, _ := strings.Cut(t, "!")
		h := fnv.New64()
		_, _ = io.WriteString(h, word)
		r := rand.New(rand.NewPCG(h.Sum64(), 1))
		for range benchDim {
			out = append(out, float32(r.NormFloat64()))
		}
		out[len(out)-1] += 1e-3 * float32(len(again))
	}
	return out, nil
}

// benchIndex is an index of n rows in a directory, made unless it is there. The pictures are written when they are found.
func benchIndex(b *testing.B, dir string, n int) *fixture {
	f := &fixture{dir: filepath.Join(dir, "pictures"), index: filepath.Join(dir, fmt.Sprintf("%d.index", n))}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(f.index, "meta.json")); err == nil {
		return f
	}
	wide := space
	wide.Dim = benchDim
	w, err := search.Update(f.index, wide)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		path := filepath.Join(f.dir, fmt.Sprint(i/1000), fmt.Sprintf("%d.png", i))
		row := search.Row{File: search.File{Path: path, Size: 1, Hash: fmt.Sprintf("%064x", i)}, Image: make([]float32, benchDim)}
		for k := range row.Image {
			row.Image[k] = float32(r.NormFloat64())
		}
		if err := w.Add(row); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkPage measures from the end of a pause in typing to the last of the first 40 thumbnails, which are in the cache, over 20 queries:
// the requests that the page makes, with the six connections of a browser. What it leaves out is the text tower. CLIPGO_BENCH_ROWS is the
// number of rows, and CLIPGO_BENCH_DIR a directory that keeps the index for the next time.
func BenchmarkPage(b *testing.B) {
	n, _ := strconv.Atoi(cmp.Or(os.Getenv("CLIPGO_BENCH_ROWS"), "5000"))
	f := benchIndex(b, cmp.Or(os.Getenv("CLIPGO_BENCH_DIR"), b.TempDir()), n)
	ix, err := search.Open(f.index)
	if err != nil {
		b.Fatal(err)
	}
	s, err := New([]Source{{Name: "big", Index: ix, Model: &hashed{}}}, Options{Addr: "127.0.0.1:80",
		Roots: []string{f.dir}, ThumbDir: b.TempDir(),
		ThumbSize: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	server := httptest.NewUnstartedServer(nil)
	s.options.Addr = server.Listener.Addr().String()
	server.Config.Handler = s.Handler()
	server.Start()
	defer server.Close()
	f.Server = s
	<-s.collections[0].current.read
	var took []time.Duration
	for b.Loop() {
		for q := range 20 {
			word := fmt.Sprint("query ", q)
			f.pageShows(b, server, word, true) // so that the thumbnails are there
			begin := time.Now()
			f.pageShows(b, server, word+"!"+strings.Repeat("!", len(took)/20+1), false)
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/p50")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms/p95")
}

// pageShows makes the requests of the page for a query.
func (f *fixture) pageShows(b *testing.B, server *httptest.Server, words string, first bool) {
	answer, err := server.Client().Get(server.URL + "/api/search?" + url.Values{"q": {words}, "limit": {"60"}}.Encode())
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var got found
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		b.Fatal(err)
	}
	if len(got.Hits) < 40 {
		b.Fatalf("%d hits", len(got.Hits))
	}
	for _, h := range got.Hits {
		if first {
			put(b, f.dir, h.Name, "", color.NRGBA{R: uint8(h.Row), A: 255}, 0)
		}
	}
	var wait sync.WaitGroup
	connections := make(chan struct{}, 6)
	for _, h := range got.Hits[:40] {
		wait.Go(func() {
			connections <- struct{}{}
			defer func() { <-connections }()
			v := url.Values{"index": {got.Index}, "key": {h.Key}, "h": {"256"}, "snapshot": {got.Snapshot}}
			r, err := server.Client().Get(server.URL + "/thumb?" + v.Encode())
			if err != nil || r.StatusCode != http.StatusOK {
				b.Errorf("thumbnail: %v, %v", r, err)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			r.Body.Close()
		})
	}
	wait.Wait()
}

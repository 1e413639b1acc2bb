package datasets

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"clipgo/internal/remote/remotetest"
	"clipgo/vision/preprocess"
)

// BenchmarkLoaderFromServers loads 512 JPEGs of 500x375 for a training from files, from an HTTP server and from S3, in turn, and reports
// the rates as shares of that from files: by the clock, and by the processor's time, which other programs on the machine change less. The
// servers are in this process. The last one answers after 20 ms, as one of another place does.
func BenchmarkLoaderFromServers(b *testing.B) {
	b.Setenv("XDG_CACHE_HOME", b.TempDir())
	dir, files := b.TempDir(), map[string][]byte{}
	for k := range 2 {
		name := fmt.Sprintf("%d.tar", k)
		files[name] = photoShard(b, k, 256)
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o600); err != nil {
			b.Fatal(err)
		}
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	b.Cleanup(web.Close)
	remotetest.ServeS3(b, files)
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		web.Config.Handler.ServeHTTP(w, r)
	}))
	b.Cleanup(late.Close)
	places := []string{"disk", "http", "s3", "late"}
	sources := map[string]Source{}
	for i, base := range []string{dir, web.URL, "s3://" + remotetest.Bucket, late.URL} {
		s, err := Open(b.Context(), base+"/{0..1}.tar", Options{Need: NeedCaptions})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close() })
		sources[places[i]] = s
	}
	wall, used := map[string][]float64{}, map[string][]float64{}
	epoch := int64(0)
	for b.Loop() {
		for _, place := range places {
			began, before := time.Now(), processorTime(b)
			loadEpoch(b, sources[place], epoch)
			wall[place] = append(wall[place], time.Since(began).Seconds())
			used[place] = append(used[place], processorTime(b)-before)
		}
		epoch++
	}
	b.ReportMetric(512/middle(wall["disk"]), "pictures/s")
	for _, place := range places[1:] {
		b.ReportMetric(middle(wall["disk"])/middle(wall[place]), place+"/disk")
		b.ReportMetric(middle(used["disk"])/middle(used[place]), place+"/disk-cpu")
		b.ReportMetric((middle(used[place])-middle(used["disk"]))/512*1e6, place+"-us/picture")
	}
}

func photoShard(b *testing.B, k, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(k), 1))
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	im := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for i := range n {
		for y := range 375 {
			for x := range 500 {
				im.SetRGBA(x, y, color.RGBA{uint8(x/2 + i + r.IntN(24)), uint8(y/2 + r.IntN(24)), uint8(x * y >> 9), 255})
			}
		}
		var photo bytes.Buffer
		if err := jpeg.Encode(&photo, im, &jpeg.Options{Quality: 90}); err != nil {
			b.Fatal(err)
		}
		put(fmt.Sprintf("%d%04d.jpg", k, i), photo.Bytes())
		put(fmt.Sprintf("%d%04d.txt", k, i), fmt.Appendf(nil, "photo %d", i))
		put(fmt.Sprintf("%d%04d.bin", k, i), make([]byte, 200_000)) // so that the shards are larger than what a store holds in memory
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func loadEpoch(b *testing.B, s Source, epoch int64) {
	n := int64(s.Len())
	read := preprocess.Reader{Config: preprocess.Default(), Limits: preprocess.WideLimits()}
	l := &Loader{Source: s, Seed: 1, BatchSize: 32, Size: read.Config.Size, Order: Shuffled,
		Pixels: func(dst []uint8, p Picture, key uint64) error {
			return read.Train(dst, p.File, preprocess.DefaultAugment(), key)
		}}
	for batch, err := range l.Batches(b.Context(), epoch*n, (epoch+1)*n) {
		if err != nil || len(batch.Skipped) > 0 {
			b.Fatal(err, batch.Skipped)
		}
	}
}

func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Skip(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

package run

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/remote/remotetest"
	"clipgo/internal/torch/torchtest"
	"clipgo/pretrained"
	"clipgo/training/record"
)

// TestWaitForDataOfATraining tells which share of its steps a training waits for data, from files and from S3. CLIPGO_BENCH=ViT-B-32 names
// the model; without it nothing is measured. The weights are the same.
func TestWaitForDataOfATraining(t *testing.T) {
	model := os.Getenv("CLIPGO_BENCH")
	if model == "" {
		t.Skip("CLIPGO_BENCH names no model")
	}
	torchtest.Need(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, files := t.TempDir(), map[string][]byte{}
	for k := range 2 {
		name := fmt.Sprintf("%d.tar", k)
		files[name] = photos(t, k)
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remotetest.ServeS3(t, files)
	const steps = 12
	var weights [][]byte
	for _, base := range []string{dir, "s3://" + remotetest.Bucket} {
		out := filepath.Join(t.TempDir(), "run")
		o, err := New(t.Context(), "train_data="+base+"/{0..1}.tar", "model="+model, "batch_size=32", fmt.Sprint("steps=", steps),
			"log_frequency=1", "val_frequency=0", "zeroshot_frequency=0", "save_frequency=1000", "precision=fp32", "out="+out)
		if err != nil {
			t.Fatal(err)
		}
		shares := waits(t, o)
		sum := 0.0
		for _, share := range shares[2:] { // the first ones wait for the first pictures
			sum += share
		}
		t.Logf("%s: %.2f %% of a step is waiting; of each: %.4f", base, 100*sum/float64(len(shares)-2), shares)
		last, err := os.ReadFile(filepath.Join(out, pretrained.CheckpointsDir, fmt.Sprintf("step-%08d", steps), pretrained.WeightsFile))
		if weights = append(weights, last); err != nil {
			t.Error(err)
		}
	}
	if !bytes.Equal(weights[0], weights[1]) {
		t.Error("the weights differ")
	}
}

// waits trains, and returns the share of each step.
func waits(t *testing.T, o *Options) (shares []float64) {
	t.Helper()
	mustTrain(t, o, nil)
	f, err := os.Open(filepath.Join(o.Out, MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := record.ReadRows(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		shares = append(shares, row.Wait)
	}
	return shares
}

// photos is a shard of 256 JPEGs of 500x375 with captions. What is between them makes it larger than what a store holds in memory.
func photos(t *testing.T, k int) []byte {
	r := rand.New(rand.NewPCG(uint64(k), 1))
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	im := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for i := range 256 {
		for at := range im.Pix {
			im.Pix[at] = uint8(at/2000+i) + uint8(r.Uint32()&15)
		}
		var photo bytes.Buffer
		err := jpeg.Encode(&photo, im, &jpeg.Options{Quality: 90})
		for _, m := range []struct {
			ext  string
			data []byte
		}{{"jpg", photo.Bytes()}, {"txt", fmt.Appendf(nil, "photo %d of %d", i, k)}, {"bin", make([]byte, 200_000)}} {
			name := fmt.Sprintf("%d%04d.%s", k, i, m.ext)
			err = cmp.Or(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(m.data))}))
			_, failed := w.Write(m.data)
			err = cmp.Or(err, failed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

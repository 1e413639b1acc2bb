package check

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"clipgo/datasets"
)

// pictures is the size of the benchmark's data: go test ./datasets/check -bench Local -benchtime 1x -args -pictures 100000
var pictures = flag.Int("pictures", 500, "pictures of the benchmark")

// photo is a JPEG of coloured noise.
func photo(t testing.TB, width, height int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	im := image.NewRGBA(image.Rect(0, 0, width, height))
	ground := color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
	for y := range height {
		for x := range width {
			c := ground
			c.R += uint8(x/4 + r.IntN(12))
			c.G += uint8(y / 3)
			im.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// BenchmarkLocalPictures opens and checks a folder of pictures with captions: all headers and captions, and a sample of pictures.
func BenchmarkLocalPictures(b *testing.B) {
	root := b.TempDir()
	var kinds [][]byte
	for i := range 64 {
		kinds = append(kinds, photo(b, 256, 192+i, uint64(i)))
	}
	words := []string{"a", "photo", "of", "dog", "house", "red", "river", "seventeen", "children", "playing", "window", "under"}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range *pictures {
		folder := filepath.Join(root, fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.Mkdir(folder, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		caption := ""
		for range 5 + r.IntN(12) {
			caption += words[r.IntN(len(words))] + " "
		}
		name := filepath.Join(folder, fmt.Sprintf("%06d", i))
		if err := os.WriteFile(name+".jpg", fmt.Appendf(kinds[i%64][:len(kinds[i%64]):len(kinds[i%64])], "%d", i), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name+".txt", []byte(caption), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		s, err := datasets.Open(b.Context(), root, datasets.Options{Need: datasets.NeedCaptions})
		if err != nil {
			b.Fatal(err)
		}
		o := options()
		o.Workers = 2
		result, err := Run(b.Context(), s, o)
		if err != nil || result.Samples.Headers != *pictures || result.Captions.Count != *pictures {
			b.Fatalf("%+v, %v", result.Samples, err)
		}
	}
}

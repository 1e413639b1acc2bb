package datasets_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"clipgo/datasets"
)

// writeTable writes two gray pictures and a table that names three.
func writeTable(dir string) (path string, err error) {
	for name, gray := range map[string]uint8{"night.png": 20, "snow.png": 240} {
		picture, content := image.NewGray(image.Rect(0, 0, 1, 1)), new(bytes.Buffer)
		picture.SetGray(0, 0, color.Gray{Y: gray})
		if err := png.Encode(content, picture); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content.Bytes(), 0o600); err != nil {
			return "", err
		}
	}
	path = filepath.Join(dir, "photos.csv")
	return path, os.WriteFile(path, []byte("filepath,title\nnight.png,a night\nlost.png,a lost picture\nsnow.png,snow\n"), 0o600)
}

// firstPixel fills a picture of one pixel, [1, 1, 3]. vision/preprocess has the functions that a model needs.
func firstPixel(dst []uint8, p datasets.Picture, _ uint64) error {
	picture, err := png.Decode(bytes.NewReader(p.File))
	if err != nil {
		return err
	}
	r, g, b, _ := picture.At(0, 0).RGBA()
	dst[0], dst[1], dst[2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
	return nil
}

// A table of pictures and captions is read in batches of two. Open takes a folder or shards in the same way.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "clipgo-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path, err := writeTable(dir)
	if err != nil {
		fmt.Println(err)
		return
	}

	source, err := datasets.Open(ctx, path, datasets.Options{Need: datasets.NeedCaptions})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	loader := datasets.Loader{Source: source, BatchSize: 2, Size: 1, MaxSkip: 1, Order: datasets.Sequential, Pixels: firstPixel}
	for batch, err := range loader.Batches(ctx, 0, int64(source.Len())) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d of %q, pixels %v\n", batch.N, batch.Captions, batch.Pixels)
		for _, skip := range batch.Skipped {
			fmt.Printf("line %d skipped: %s\n", skip.Offset, skip.Reason)
		}
	}
	// Output:
	// 1 of ["a night"], pixels [20 20 20]
	// line 3 skipped: read: no such file or directory
	// 1 of ["snow"], pixels [240 240 240]
}

package preprocess

import (
	"bytes"
	"image/jpeg"
	"slices"
	"testing"
)

// A thumbnail is a square with the whole picture in its middle, on white; a file and its pixels give the same one.
func TestAThumbnailHoldsTheWholePicture(t *testing.T) {
	const width, height, side = 20, 40, 32
	rgb := slices.Repeat([]uint8{200, 30, 30}, width*height)
	small, err := FromRGB(rgb, width, height).Thumbnail(side)
	if err != nil {
		t.Fatal(err)
	}
	im, err := jpeg.Decode(bytes.NewReader(small))
	if err != nil || im.Bounds().Dx() != side || im.Bounds().Dy() != side {
		t.Fatalf("%v, %v", im.Bounds(), err)
	}
	for _, c := range []struct {
		x, y int
		red  bool
	}{{1, 16, false}, {30, 16, false}, {16, 1, true}, {16, 16, true}, {16, 30, true}} {
		r, g, _, _ := im.At(c.x, c.y).RGBA()
		if red := r > 0x8000 && g < 0x6000; red != c.red {
			t.Errorf("%d, %d is red: %v", c.x, c.y, red)
		}
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, Opaque(rgb, width, height), &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	if again, err := Thumbnail(file.Bytes(), side); err != nil || len(again) == 0 {
		t.Errorf("%d bytes, %v", len(again), err)
	}
	if _, err := Thumbnail([]byte("no picture"), side); err == nil {
		t.Error("a file that is no picture has a thumbnail")
	}
}

package preprocess

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"
)

func zoomed(lo, hi float64) Augment {
	return Augment{Scale: [2]float64{lo, hi}, Ratio: [2]float64{3. / 4, 4. / 3}}
}

func TestWindowsLargerThanThePictureHoldIt(t *testing.T) {
	a := zoomed(0.5, 4)
	const width, height, n = 400, 300, 2000
	var areas, left float64
	wider := 0
	for key := range uint64(n) {
		r := a.crop(width, height, forCrop.random(key))
		area, ratio := float64(r.Dx()*r.Dy())/(width*height), float64(r.Dx())/float64(r.Dy())
		if area < 0.495 || area > 4.01 || ratio < 0.745 || ratio > 1.34 {
			t.Fatalf("key %d: %v has %.3f of the area and the ratio %.3f", key, r, area, ratio)
		}
		shown := r.Intersect(image.Rect(0, 0, width, height))
		if shown.Dx() != min(width, r.Dx()) || shown.Dy() != min(height, r.Dy()) {
			t.Fatalf("key %d: %v shows only %v", key, r, shown)
		}
		areas += area / n
		if r.Dx() > width {
			wider++
			left += float64(-r.Min.X) / float64(r.Dx()-width)
		}
	}
	// The area is uniform: its mean is 2.25, and that of 2,000 windows deviates by 0.023 in one of three cases.
	if mean := left / float64(wider); math.Abs(areas-2.25) > 0.09 || math.Abs(mean-0.5) > 0.03 {
		t.Errorf("mean area %.3f, mean place %.3f", areas, mean)
	}
}

// shown is where the training transform of a picture has another colour than the ground.
func shown(t *testing.T, c Config, im *Image, a Augment, key uint64, ground [3]uint8) image.Rectangle {
	t.Helper()
	var found image.Rectangle
	pix := train(t, c, im, a, key)
	for i := range c.Size * c.Size {
		if [3]uint8(pix[3*i:]) != ground {
			at := image.Pt(i%c.Size, i/c.Size)
			found = found.Union(image.Rectangle{Min: at, Max: at.Add(image.Pt(1, 1))})
		}
	}
	return found
}

func TestShrunkPicturesAreWhereTheirWindowSays(t *testing.T) {
	ground := color.NRGBA{250, 240, 230, 255}
	m := frame(120, ground) // dark from 30 to 90
	rgb := make([]uint8, 3*120*120)
	fromNRGBA(rgb, m)
	im, a := FromRGB(rgb, 120, 120), zoomed(1.5, 4)
	for key := range uint64(200) {
		w := a.crop(120, 120, forCrop.random(key))
		got := shown(t, small(60), im, a, key, [3]uint8{250, 240, 230})
		at := func(v, from, length int) float64 { return float64(v-from) * 60 / float64(length) }
		want := [4]float64{at(30, w.Min.X, w.Dx()), at(30, w.Min.Y, w.Dy()), at(90, w.Min.X, w.Dx()), at(90, w.Min.Y, w.Dy())}
		// The bicubic filter reaches two pixels beyond an edge, and the picture's place is rounded to whole pixels.
		for i, v := range [4]int{got.Min.X, got.Min.Y, got.Max.X, got.Max.Y} {
			if math.Abs(float64(v)-want[i]) > 3 {
				t.Fatalf("key %d, window %v: the dark square is at %v, want %.1f", key, w, got, want)
			}
		}
	}
}

func TestTheSmallestPartsOfAWindowHaveAPixel(t *testing.T) {
	window := image.Rect(-1000, -1000, 3000, 3000)
	corner, line := image.Rect(2999, 2999, 3000, 3000), image.Rect(0, 2990, 3000, 3000)
	for _, part := range []image.Rectangle{image.Rect(-1000, -1000, -999, -999), corner, line} {
		got := scaledInto(part, window, 8)
		if got.Empty() || !got.In(image.Rect(0, 0, 8, 8)) {
			t.Errorf("%v is at %v", part, got)
		}
	}
	if got := scaledInto(window, window, 8); got != image.Rect(0, 0, 8, 8) {
		t.Errorf("all of the window is at %v", got)
	}
}

// Every kind of pixel gets the ground after its conversion to RGB.
func TestWindowsOfAllKindsOfPictures(t *testing.T) {
	a := zoomed(2, 4)
	grid := func(m mode, pixel ...uint8) *Image { return newImage(bytes.Repeat(pixel, 20*10), m, 20, 10) }
	palette := grid(indexed, 7)
	palette.colors = make([]uint8, 3*256)
	copy(palette.colors[3*7:], []uint8{10, 200, 90})
	for name, c := range map[string]struct {
		im   *Image
		want [3]uint8
	}{
		"grey": {grid(grey, 33), [3]uint8{33, 33, 33}}, "grey with alpha": {grid(greyAlpha, 33, 255), [3]uint8{33, 33, 33}},
		"RGBA": {grid(rgba, 1, 2, 3, 255), [3]uint8{1, 2, 3}}, "palette": {palette, [3]uint8{10, 200, 90}},
		"CMYK": {grid(cmyk, 0, 0, 0, 0), [3]uint8{255, 255, 255}}, "bilevel": {grid(bilevel, 255), [3]uint8{255, 255, 255}},
	} {
		for _, order := range []RGBOrder{RGBFirst, RGBLast} {
			cfg := small(16)
			cfg.RGB = order
			for key := range uint64(20) {
				if got := shown(t, cfg, c.im, a, key, c.want); !got.Empty() {
					t.Fatalf("%s, order %q, key %d: another colour at %v", name, order, key, got)
				}
			}
		}
	}
}

// A JPEG that is decoded at a fraction of its size is at the same place.
func TestWindowsOfReducedPhotos(t *testing.T) {
	if inexact("x.jpg") {
		t.Skip("this build has no libjpeg-turbo: it decodes whole pictures")
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, frame(640, color.NRGBA{255, 255, 255, 255}), nil); err != nil {
		t.Fatal(err)
	}
	exact, draft := Reader{Config: small(40), Limits: DefaultLimits()}, Reader{Config: small(40), Limits: DefaultLimits()}
	draft.Draft = true
	a, b := make([]uint8, 3*40*40), make([]uint8, 3*40*40)
	for key := range uint64(30) {
		augment := zoomed(1.5, 3)
		if err := errors.Join(exact.Train(a, file.Bytes(), augment, key), draft.Train(b, file.Bytes(), augment, key)); err != nil {
			t.Fatal(err)
		}
		var far float64
		for i := range a {
			far += math.Abs(float64(a[i])-float64(b[i])) / float64(len(a))
		}
		if far > 2 { // of 255; a shift by one pixel makes 3 or more
			t.Errorf("key %d: the reduced picture differs by %.2f on average", key, far)
		}
	}
}

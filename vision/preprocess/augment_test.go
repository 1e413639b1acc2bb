package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"
)

// drawing is a picture with a gradient and a few edges, no two pixels alike.
func drawing(width, height int) *Image {
	pix := make([]uint8, 0, width*height*3)
	for y := range height {
		for x := range width {
			pix = append(pix, uint8(x*255/width), uint8(y*255/height), uint8((x/8+y/8)%2*200+x%50))
		}
	}
	return FromRGB(pix, width, height)
}

func small(size int) Config {
	c := Default()
	c.Size = size
	return c
}

func train(t *testing.T, c Config, im *Image, a Augment, key uint64) []uint8 {
	t.Helper()
	dst := make([]uint8, c.Size*c.Size*3)
	if err := c.Train(dst, im, a, key); err != nil {
		t.Fatal(err)
	}
	return dst
}

// everything switches all of the augmentation on.
func everything() Augment {
	return Augment{
		Scale: [2]float64{0.5, 1}, Ratio: [2]float64{3. / 4, 4. / 3},
		ColorJitter: [4]float64{0.4, 0.4, 0.4, 0.1}, ColorJitterProb: 0.8, GrayScaleProb: 0.2, HFlip: 0.5, Rotate: 15,
	}
}

func TestTrainDependsOnTheKeyOnly(t *testing.T) {
	c, im := small(32), drawing(90, 70)
	before := bytes.Clone(im.pix)
	seen := map[string]uint64{}
	for key := range uint64(50) {
		got := train(t, c, im, everything(), key)
		if again := train(t, c, im, everything(), key); !bytes.Equal(got, again) {
			t.Fatalf("key %d gives two pictures", key)
		}
		if other, ok := seen[string(got)]; ok {
			t.Errorf("keys %d and %d give the same picture", other, key)
		}
		seen[string(got)] = key
	}
	if !bytes.Equal(im.pix, before) {
		t.Error("the source was written to")
	}
}

func TestTrainOfWholePicturesOfTheRightSizeCopies(t *testing.T) {
	im := drawing(48, 48)
	a := Augment{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}}
	for key := range uint64(5) {
		if got := train(t, small(48), im, a, key); !bytes.Equal(got, im.pix) {
			t.Fatalf("key %d changes pixels", key)
		}
	}
}

func TestOneStepDoesNotChangeTheRandomnessOfAnother(t *testing.T) {
	c, im := small(32), drawing(90, 70)
	plain, flipped := DefaultAugment(), DefaultAugment()
	flipped.HFlip = 1
	for key := range uint64(20) {
		a, b := train(t, c, im, plain, key), train(t, c, im, flipped, key)
		for y := range 32 {
			for x := range 32 {
				p, q := a[(y*32+x)*3:][:3], b[(y*32+31-x)*3:][:3]
				if !bytes.Equal(p, q) {
					t.Fatalf("key %d: (%d, %d) is %v, mirrored %v", key, x, y, p, q)
				}
			}
		}
	}
}

func TestTrainResizesBicubicWhateverIsAsked(t *testing.T) {
	im := drawing(90, 70)
	c := small(32)
	want := train(t, c, im, DefaultAugment(), 7)
	c.Interpolation = "bilinear"
	if !bytes.Equal(train(t, c, im, DefaultAugment(), 7), want) {
		t.Error("interpolation has changed the training transform")
	}
}

func TestCropsKeepAreaAndRatio(t *testing.T) {
	a := Augment{Scale: [2]float64{0.3, 0.8}, Ratio: [2]float64{3. / 4, 4. / 3}}
	const width, height = 400, 300
	var areas, left float64
	const n = 2000
	for key := range uint64(n) {
		r := a.crop(width, height, forCrop.random(key))
		if !r.In(image.Rect(0, 0, width, height)) {
			t.Fatalf("key %d: %v reaches outside", key, r)
		}
		// Sides are rounded to pixels, the smallest is about 160.
		area, ratio := float64(r.Dx()*r.Dy())/(width*height), float64(r.Dx())/float64(r.Dy())
		if area < 0.295 || area > 0.805 || ratio < 0.74 || ratio > 1.345 {
			t.Fatalf("key %d: %v has %.3f of the area and the ratio %.3f", key, r, area, ratio)
		}
		areas += area / n
		if r.Dx() < width {
			left += float64(r.Min.X) / float64(width-r.Dx()) / n
		}
	}
	// Crops that don't fit are drawn again, which prefers small ones: the mean is a little below that of the range, 0.55.
	if areas < 0.5 || areas > 0.56 || math.Abs(left-0.5) > 0.03 {
		t.Errorf("mean area %.3f, mean place %.3f", areas, left)
	}
}

func TestCropsThatNeverFitAreCentred(t *testing.T) {
	a := Augment{Scale: [2]float64{1, 1}, Ratio: [2]float64{3. / 4, 4. / 3}}
	for _, c := range []struct {
		width, height int
		want          image.Rectangle
	}{
		{640, 11, image.Rect(312, 0, 327, 11)}, // 11 * 4/3 = 14.67 wide
		{10, 100, image.Rect(0, 43, 10, 56)},   // 10 / 0.75 = 13.33 high
		{1, 1000, image.Rect(0, 499, 1, 500)},
	} {
		for key := range uint64(5) {
			if got := a.crop(c.width, c.height, forCrop.random(key)); got != c.want {
				t.Errorf("%d x %d, key %d: %v, want %v", c.width, c.height, key, got, c.want)
			}
		}
	}
}

// frame is a square with a ground and a dark middle.
func frame(size int, ground color.NRGBA) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			m.SetNRGBA(x, y, ground)
			if x >= size/4 && x < size*3/4 && y >= size/4 && y < size*3/4 {
				m.SetNRGBA(x, y, color.NRGBA{30, 20, 10, 255})
			}
		}
	}
	return m
}

func TestRotationKeepsThePlainGround(t *testing.T) {
	ground := color.NRGBA{255, 250, 245, 255}
	for _, degrees := range []float64{-180, -90, -33, -1, 0.5, 10, 45, 90, 179} {
		m := rotated(frame(33, ground), degrees)
		if m.Rect != image.Rect(0, 0, 33, 33) {
			t.Fatalf("%g degrees: %v", degrees, m.Rect)
		}
		for _, p := range []image.Point{{0, 0}, {32, 0}, {0, 32}, {32, 32}, {16, 0}, {0, 16}} {
			if got := m.NRGBAAt(p.X, p.Y); got != ground {
				t.Errorf("%g degrees: %v at %v, want the ground", degrees, got, p)
			}
		}
		if got := m.NRGBAAt(16, 16); got.R != 30 {
			t.Errorf("%g degrees: the middle is %v", degrees, got)
		}
	}
}

func TestTheGroundIsTheBordersMedian(t *testing.T) {
	ground := color.NRGBA{200, 190, 180, 255}
	m := frame(16, ground)
	for x := range 7 { // less than half of the border
		m.SetNRGBA(x, 0, color.NRGBA{255, 255, 255, 255})
		m.SetNRGBA(x, 15, color.NRGBA{0, 0, 0, 255})
		m.SetNRGBA(15, x, color.NRGBA{0, 0, 0, 255})
	}
	if got := borderColor(m); got != ground {
		t.Errorf("the ground is %v, want %v", got, ground)
	}
}

func TestStepsHaveTheirOwnRandomNumbers(t *testing.T) {
	seen := map[uint64]purpose{}
	for p := forCrop; p <= forGrey; p++ {
		v := p.random(1).Uint64()
		if other, ok := seen[v]; ok {
			t.Errorf("purposes %d and %d share their numbers", other, p)
		}
		seen[v] = p
	}
}

func TestColoursChangeAsTorchvisionSays(t *testing.T) {
	pixel := func(r, g, b uint8) *image.NRGBA {
		m := image.NewNRGBA(image.Rect(0, 0, 1, 1))
		m.SetNRGBA(0, 0, color.NRGBA{r, g, b, 255})
		return m
	}
	type step = func(*image.NRGBA, float64) *image.NRGBA
	for _, c := range []struct {
		name   string
		step   step
		in     [3]uint8
		amount float64
		want   [3]uint8
	}{
		{"brightness 0.5", brightened, [3]uint8{200, 101, 3}, 0.5, [3]uint8{100, 50, 1}},
		{"brightness 1.5", brightened, [3]uint8{200, 100, 3}, 1.5, [3]uint8{255, 150, 4}},
		{"contrast 0", contrasted, [3]uint8{200, 100, 50}, 0, [3]uint8{124, 124, 124}},
		{"contrast 1", contrasted, [3]uint8{200, 100, 50}, 1, [3]uint8{200, 100, 50}},
		{"saturation 0", saturated, [3]uint8{200, 100, 50}, 0, [3]uint8{124, 124, 124}},
		{"saturation 2", saturated, [3]uint8{200, 100, 50}, 2, [3]uint8{255, 76, 0}},
		{"hue 0", hued, [3]uint8{200, 100, 50}, 0, [3]uint8{200, 100, 50}},
		{"hue a third", hued, [3]uint8{200, 100, 50}, 1. / 3, [3]uint8{50, 200, 100}},
		{"hue minus a third", hued, [3]uint8{200, 100, 50}, -1. / 3, [3]uint8{100, 50, 200}},
		{"hue half", hued, [3]uint8{255, 0, 0}, 0.5, [3]uint8{0, 255, 255}},
		{"hue of grey", hued, [3]uint8{77, 77, 77}, 0.3, [3]uint8{77, 77, 77}},
	} {
		m := c.step(pixel(c.in[0], c.in[1], c.in[2]), c.amount)
		if got := [3]uint8(m.Pix); got != c.want {
			t.Errorf("%s of %v is %v, want %v", c.name, c.in, got, c.want)
		}
	}
}

func TestProbabilitiesAreThose(t *testing.T) {
	c, im := small(8), drawing(8, 8)
	a := Augment{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}, GrayScaleProb: 0.3}
	grey := 0
	const n = 2000
	for key := range uint64(n) {
		if got := train(t, c, im, a, key); !bytes.Equal(got, im.pix) {
			grey++
		}
	}
	if share := float64(grey) / n; math.Abs(share-0.3) > 0.04 { // 4 standard deviations
		t.Errorf("grey: %.3f of pictures, want 0.3", share)
	}
}

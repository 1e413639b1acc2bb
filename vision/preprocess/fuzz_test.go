package preprocess

import (
	"errors"
	"testing"
)

// FuzzDecode: whatever the bytes are, there is an error or a picture within the limits that both transforms take.
func FuzzDecode(f *testing.F) {
	files := openFixtures(f)
	for _, s := range files.sources {
		if s.Width*s.Height < 20_000 { // small ones are fast to vary
			f.Add(files.file(f, s.File))
		}
	}
	for _, file := range [][]byte{lyingJPEG(300, 200), lyingPNG(300, 200), lyingGIF(300, 200), lyingWebP(300, 300), lyingWebP(1, 300)} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		limits := Limits{Bytes: 1 << 20, Pixels: 1 << 16, Side: 1 << 10}
		im, err := Decode(file, limits)
		if err != nil {
			var refused *RefusedError
			if im != nil || err.Error() == "" || errors.As(err, &refused) && refused.Reason == "" {
				t.Fatalf("%v with %v", im, err)
			}
			return
		}
		if im.width < 1 || im.height < 1 || im.width > limits.Side || im.height > limits.Side || im.width*im.height > limits.Pixels {
			t.Fatalf("%d x %d pixels", im.width, im.height)
		}
		c := Default()
		c.Size, c.Orientation = 8, OrientationApply
		dst := make([]uint8, c.Size*c.Size*3)
		for _, c.RGB = range []RGBOrder{RGBFirst, RGBLast} {
			for _, c.ResizeMode = range []string{"shortest", "longest", "squash"} {
				if err := c.Apply(dst, im); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Train(dst, im, DefaultAugment(), uint64(len(file))); err != nil {
				t.Fatal(err)
			}
		}
	})
}

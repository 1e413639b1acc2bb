package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"
)

// halfTransparent is a picture of which the left half is transparent red, and the right half opaque blue.
func halfTransparent() *image.NRGBA {
	im := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		im.SetNRGBA(i%8, i/8, color.NRGBA{0, 0, 255, 255})
		if i%8 < 4 {
			im.SetNRGBA(i%8, i/8, color.NRGBA{255, 0, 0, 0})
		}
	}
	return im
}

func TestTransparentPixelsAreDrawnOnTheBackground(t *testing.T) {
	file := pngOf(t, halfTransparent())
	for _, order := range []RGBOrder{RGBFirst, RGBLast} {
		for back, want := range map[Background][]uint8{
			"": {255, 0, 0}, "white": {255, 255, 255}, "black": {0, 0, 0}, "#123456": {0x12, 0x34, 0x56},
		} {
			c := Default()
			c.Size, c.RGB, c.Background = 8, order, back
			dst := make([]uint8, 8*8*3)
			if err := c.ApplyFile(dst, file); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(dst[:3], want) || !bytes.Equal(dst[21:24], []uint8{0, 0, 255}) {
				t.Errorf("%s, %q: %v and %v, want %v", order, back, dst[:3], dst[21:24], want)
			}
			if err := c.TrainFile(dst, file, Augment{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}}, 1); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(dst[:3], want) {
				t.Errorf("%s, %q in training: %v, want %v", order, back, dst[:3], want)
			}
		}
	}
}

func TestBackgroundsThatAreNoColoursAreRefused(t *testing.T) {
	for _, back := range []Background{"White", "#12345", "#1234567", "#12345678", "#1234", "#", "123456", "#12345g", "none"} {
		c := Default()
		c.Background = back
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "#80a0ff") {
			t.Errorf("%q: %v", back, err)
		}
	}
}

// Only pictures that lose something are counted: neither an opaque alpha channel nor a palette's unused transparent colour.
func TestTransparentPicturesAreCounted(t *testing.T) {
	opaque := rawPNG(t, 2, 8, pngRGBA, []byte{1, 2, 3, 255, 4, 5, 6, 255})
	unused := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{4, 5, 6, 0}})
	used := image.NewPaletted(unused.Rect, unused.Palette)
	used.Pix = slices.Repeat([]uint8{0, 1}, 2)
	r := Reader{Config: Default(), Limits: DefaultLimits(), Seen: new(Seen)}
	r.Size = 4
	for _, file := range [][]byte{pngOf(t, halfTransparent()), opaque, pngOf(t, unused), pngOf(t, used), gifOf(t, used)} {
		if err := r.Apply(make([]uint8, 48), file); err != nil {
			t.Fatal(err)
		}
	}
	if all, transparent := r.Seen.Counts(); all != 5 || transparent != 3 {
		t.Errorf("%d of %d", transparent, all)
	}
	if got := r.Seen.Warning(r.Config); !strings.HasPrefix(got, "3 of 5 pictures read are transparent") || !strings.Contains(got,
		"preprocess.background=white") {
		t.Error(got)
	}
	if got := new(Seen).Warning(r.Config); got != "" {
		t.Errorf("without transparent pictures: %q", got)
	}
	r.Background = "white"
	if got := r.Seen.Warning(r.Config); got != "" {
		t.Errorf("although they are on white: %s", got)
	}
}

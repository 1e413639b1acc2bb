package preprocess

import (
	"bytes"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
)

// The middle of a whole picture is what Apply makes of the file, whose pixels are compared with Pillow's elsewhere.
func TestAWholePictureIsResizedAsForTraining(t *testing.T) {
	f := openFixtures(t)
	compared := 0
	for _, src := range f.sources {
		if min(src.Width, src.Height) < 2 {
			continue
		}
		file := f.file(t, src.File)
		c := Default()
		c.Size, c.Orientation = min(src.Width, src.Height)/2, OrientationApply
		want := make([]uint8, c.Size*c.Size*3)
		if err := c.ApplyFile(want, file); err != nil {
			continue // not read in this build
		}
		err := Reader{Config: c, Limits: DefaultLimits()}.Whole(file, c.Size, func(w Whole) error {
			if min(w.Width, w.Height) != c.Size || !w.Changed || w.StoredWidth != src.Width || w.StoredHeight != src.Height {
				t.Errorf("%s: %d x %d of %d x %d", src.File, w.Width, w.Height, w.StoredWidth, w.StoredHeight)
			}
			p := c.place(w.Width, w.Height)
			middle := tight(make([]uint8, c.Size*c.Size*w.mode.bytes()), w.mode, c.Size, c.Size)
			w.part(p.x, p.y, c.Size, c.Size).copyInto(middle)
			if !bytes.Equal(rgbOf(&Image{raster: middle}), want) {
				t.Errorf("%s: other pixels than for training", src.File)
			}
			compared++
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", src.File, err)
		}
	}
	if compared < 20 {
		t.Errorf("%d pictures were compared", compared)
	}
}

func TestAWholePictureIsOnlyMadeSmaller(t *testing.T) {
	im := letters("abcd", "efgh") // small tiles
	file := pngOf(t, im)
	width, height := im.Bounds().Dx(), im.Bounds().Dy()
	for _, side := range []int{0, height, height + 1} {
		err := Reader{Config: Default(), Limits: DefaultLimits()}.Whole(file, side, func(w Whole) error {
			if w.Changed || w.Width != width || w.Height != height || w.Format != "png" {
				t.Errorf("side %d: %+v", side, w)
			}
			back, err := w.PNG()
			if err != nil {
				return err
			}
			again, err := png.Decode(bytes.NewReader(back))
			if err != nil {
				return err
			}
			for _, at := range [][2]int{{0, 0}, {width - 1, height - 1}} {
				a, b, c, _ := again.At(at[0], at[1]).RGBA()
				d, e, f, _ := im.At(at[0], at[1]).RGBA()
				if !slices.Equal([]uint32{a, b, c}, []uint32{d, e, f}) {
					t.Errorf("side %d: another colour at %v", side, at)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestGreyStaysGrey(t *testing.T) {
	file := rawPNG(t, 2, 8, pngGrey, []byte{10, 200})
	err := Reader{Config: Default(), Limits: DefaultLimits()}.Whole(file, 0, func(w Whole) error {
		data, err := w.JPEG(90)
		if err != nil {
			return err
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || c.ColorModel != color.GrayModel {
			t.Errorf("a JPEG of another kind: %v %v", c, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package preprocess

import (
	"bytes"
	"runtime"
	"testing"
)

func TestSquaresLieWhereTorchvisionPutsThem(t *testing.T) {
	for _, c := range []struct {
		resizeMode    string
		width, height int
		want          placement
	}{
		{"shortest", 500, 375, placement{298, 224, 37, 0}}, // 298.67 is cut
		{"shortest", 375, 500, placement{224, 298, 0, 37}},
		{"shortest", 224, 224, placement{224, 224, 0, 0}},
		{"shortest", 225, 224, placement{225, 224, 0, 0}}, // 0.5 rounds to even
		{"shortest", 227, 224, placement{227, 224, 2, 0}}, // 1.5 too
		{"shortest", 1, 1000, placement{224, 224000, 0, 111888}},
		{"longest", 500, 375, placement{224, 168, 0, -28}},
		{"longest", 500, 377, placement{224, 169, 0, -27}}, // 168.9; the smaller half above
		{"longest", 5, 448, placement{2, 224, -111, 0}},    // 2.5 rounds to even
		{"longest", 1000, 1, placement{224, 1, 0, -111}},
		{"squash", 500, 375, placement{224, 224, 0, 0}},
	} {
		config := Config{Size: 224, ResizeMode: c.resizeMode}
		if got := config.place(c.width, c.height); got != c.want {
			t.Errorf("%s of %d x %d: %v, want %v", c.resizeMode, c.width, c.height, got, c.want)
		}
	}
}

func TestAPartOfAResizeIsThePartOfTheWhole(t *testing.T) {
	const width, height, x, y = 31, 45, 9, 17
	for m := grey; m <= grey16; m++ {
		src := tight(drawing(60, 80).pix[:50*40*m.bytes()], m, 50, 40)
		s := scaling{width: width, height: height, box: src.whole(), filter: bicubic}
		all := tight(make([]uint8, width*height*m.bytes()), m, width, height)
		s.run(all, src)
		s.x, s.y = x, y
		for _, size := range [][2]int{{width - x, height - y}, {1, 1}, {2, 7}, {11, 3}} {
			got := tight(make([]uint8, size[0]*size[1]*m.bytes()), m, size[0], size[1])
			s.run(got, src)
			part := all.part(x, y, size[0], size[1])
			for row := range got.height {
				if !bytes.Equal(got.row(row), part.row(row)) {
					t.Errorf("mode %d, %v: row %d differs", m, size, row)
				}
			}
		}
	}
}

// Each orientation says where the stored picture's first row and first column lie (EXIF 2.3, tag 274).
func TestOrientationsPutRowsAndColumnsWhereEXIFSays(t *testing.T) {
	src := tight([]uint8("abcdef"), grey, 3, 2)
	for orientation, want := range map[int]string{
		0: "abc def", 1: "abc def", 2: "cba fed", 3: "fed cba", 4: "def abc",
		5: "ad be cf", 6: "da eb fc", 7: "fc eb da", 8: "cf be ad", 9: "abc def",
	} {
		got := oriented(src, orientation, nil)
		var text []byte
		for y := range got.height {
			text = append(append(text, got.row(y)...), ' ')
		}
		if string(bytes.TrimSpace(text)) != want {
			t.Errorf("orientation %d: %s, want %s", orientation, text, want)
		}
	}
}

func TestOrientationIsAppliedOnlyWhereAskedFor(t *testing.T) {
	im := drawing(40, 30)
	im.orientation = 6
	r := oriented(im.raster, 6, nil)
	turned := newImage(r.pix, r.mode, r.width, r.height)
	c := small(24)
	apply := func(im *Image) []uint8 {
		dst := make([]uint8, 24*24*3)
		if err := c.Apply(dst, im); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	ignored, upright := apply(im), apply(turned)
	c.Orientation = OrientationApply
	if bytes.Equal(ignored, upright) || !bytes.Equal(apply(im), upright) {
		t.Error("apply is not the picture turned first")
	}
}

func TestMissingPartsAreFilled(t *testing.T) {
	c := Config{Size: 8, ResizeMode: "longest", Interpolation: "bicubic", FillColor: 200, RGB: RGBLast}
	for m := grey; m <= grey16; m++ {
		im := newImage(make([]uint8, 8*2*m.bytes()), m, 8, 2)
		im.colors = bytes.Repeat([]byte{9}, 3*256)
		dst := make([]uint8, 8*8*3)
		if err := c.Apply(dst, im); err != nil {
			t.Fatal(err)
		}
		want := [3]uint8{200, 200, 200}
		switch m {
		case indexed:
			want = [3]uint8{9, 9, 9}
		case cmyk: // 200 of each ink: 55 - 200*55/255 = 12
			want = [3]uint8{12, 12, 12}
		}
		for _, corner := range []int{0, 7, 56, 63} {
			if got := [3]uint8(dst[3*corner:]); got != want {
				t.Errorf("mode %d: pixel %d is %v, want %v", m, corner, got, want)
			}
		}
	}
}

// A picture of 16,384 x 1 becomes one of 3.7 million x 224 pixels, 2.5 GB, of which the middle square is wanted.
func TestLongPicturesNeedLittleMemory(t *testing.T) {
	for _, size := range [][2]int{{16384, 1}, {1, 16384}} {
		im, c := drawing(size[0], size[1]), small(224)
		dst := make([]uint8, 224*224*3)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := c.Apply(dst, im); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%v: %d bytes were allocated", size, used)
		}
	}
}

func TestBuffersAndPicturesOfTheWrongSizeAreErrors(t *testing.T) {
	c := small(16)
	good := make([]uint8, 16*16*3)
	for name, try := range map[string]error{
		"short buffer":       c.Apply(good[1:], drawing(20, 20)),
		"short buffer train": c.Train(good[1:], drawing(20, 20), DefaultAugment(), 1),
		"no pixels":          c.Apply(good, FromRGB(nil, 0, 0)),
		"too few pixels":     c.Apply(good, FromRGB(good, 17, 16)),
		"negative":           c.Train(good, FromRGB(nil, -1, -1), DefaultAugment(), 1),
	} {
		if try == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package preprocess

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"testing"
)

// letters is a picture of rows of letters, a grey for each.
func letters(rows ...string) *image.Gray {
	im := image.NewGray(image.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x, letter := range row {
			im.SetGray(x, y, color.Gray{uint8(letter)})
		}
	}
	return im
}

// tiffWith is a TIFF block with an orientation between two other entries.
func tiffWith(order binary.AppendByteOrder, orientation uint16) []byte {
	out := []byte("II\x2A\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		out = []byte("MM\x00\x2A")
	}
	out = order.AppendUint16(order.AppendUint32(out, 8), 3)
	for _, e := range [][2]uint16{{0x010F, 7}, {0x0112, orientation}, {0x011A, 5}} {
		out = order.AppendUint32(order.AppendUint16(order.AppendUint16(out, e[0]), 3), 1)
		out = order.AppendUint16(order.AppendUint16(out, e[1]), 0)
	}
	return order.AppendUint32(out, 0)
}

func withEXIF(file, tiff []byte) []byte {
	const header = len(pngMagic) + 8 + 13 + 4
	return slices.Concat(file[:header], pngChunk("eXIf", tiff), file[header:])
}

// The stored picture is abc/def/ghi. What people see is EXIF's definition: orientation 6 means that the first row is the
// right side, and so on.
func TestOrientationsTurnAsPeopleSeeThem(t *testing.T) {
	stored := pngOf(t, letters("abc", "def", "ghi"))
	for orientation, want := range map[uint16]string{
		0: "abcdefghi", 1: "abcdefghi", 2: "cbafedihg", 3: "ihgfedcba", 4: "ghidefabc",
		5: "adgbehcfi", 6: "gdahebifc", 7: "ifchebgda", 8: "cfibehadg", 9: "abcdefghi",
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			file := withEXIF(stored, tiffWith(order, orientation))
			if got := greyApplied(t, file, OrientationApply); got != want {
				t.Errorf("%d, %v: %s, want %s", orientation, order, got, want)
			}
			if got := greyApplied(t, file, OrientationIgnore); got != "abcdefghi" {
				t.Errorf("%d, %v: %s although it is ignored", orientation, order, got)
			}
		}
	}
}

// greyApplied is the red of each pixel.
func greyApplied(t *testing.T, file []byte, o Orientation) string {
	t.Helper()
	im, err := Decode(file, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Size, c.Orientation = 3, o
	dst := make([]uint8, 27)
	if err := c.Apply(dst, im); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for i := 0; i < len(dst); i += 3 {
		out = append(out, dst[i])
	}
	return string(out)
}

// A picture lying on its side is cropped after it was turned: the top half of what people see is white.
func TestOrientationComesBeforeTheCrop(t *testing.T) {
	wide := image.NewGray(image.Rect(0, 0, 40, 20))
	for y := range 20 {
		for x := range 20 {
			wide.SetGray(x, y, color.Gray{255})
		}
	}
	im, err := Decode(withEXIF(pngOf(t, wide), tiffWith(binary.BigEndian, 6)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Size, c.Orientation = 20, OrientationApply
	dst := make([]uint8, 20*20*3)
	if err := c.Apply(dst, im); err != nil {
		t.Fatal(err)
	}
	for y := range 20 {
		if want := uint8(255 * (19 - y) / 10 / 255 * 255); y < 10 && dst[y*60] != want || y >= 10 && dst[y*60] != 0 {
			t.Fatalf("row %d is %d", y, dst[y*60])
		}
	}
}

func TestOrientationIsFoundInEachContainer(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, letters("abc", "def"), nil); err != nil {
		t.Fatal(err)
	}
	tiff := tiffWith(binary.LittleEndian, 6)
	exif := append([]byte(exifMagic), tiff...)
	segment := append(binary.BigEndian.AppendUint16([]byte("\xFF\xE1"), uint16(2+len(exif))), exif...)
	xmp := []byte("\xFF\xE1\x00\x08http:/")
	f := openFixtures(t)
	lossless := f.file(t, "webp_lossless.webp")
	for name, file := range map[string][]byte{
		"jpeg":                     slices.Concat(b.Bytes()[:2], segment, b.Bytes()[2:]),
		"jpeg, after another APP1": slices.Concat(b.Bytes()[:2], xmp, segment, b.Bytes()[2:]),
		"jpeg, after fill bytes":   slices.Concat(b.Bytes()[:2], []byte("\xFF\xFF"), segment, b.Bytes()[2:]),
		"png":                      withEXIF(pngOf(t, letters("abc", "def")), tiff),
		"webp":                     riff("VP8X", webpContainer(0, 90, 60), "VP8L", lossless[20:], "EXIF", tiff),
		"webp, with JPEG's prefix": riff("VP8X", webpContainer(0, 90, 60), "VP8L", lossless[20:], "EXIF", exif),
	} {
		im, err := Decode(file, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if im.orientation != 6 {
			t.Errorf("%s: orientation %d, want 6", name, im.orientation)
		}
	}
}

func TestDamagedEXIFMeansUpright(t *testing.T) {
	whole := tiffWith(binary.BigEndian, 6)
	for cut := range len(whole) {
		if got := orientationOf(whole[:cut]); got != 1 && cut < 8+2+2*12 {
			t.Errorf("%d bytes: %d", cut, got)
		}
	}
	far := slices.Clone(whole)
	binary.BigEndian.PutUint32(far[4:], 1<<32-1)
	if got := orientationOf(far); got != 1 {
		t.Errorf("entries far away: %d", got)
	}
}

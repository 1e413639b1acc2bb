package pack

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"clipgo/datasets"
)

// noise is a picture that doesn't compress.
func noise(seed, width, height int) image.Image {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	im := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range im.Pix {
		im.Pix[i] = uint8(r.Uint32())
		if i%4 == 3 {
			im.Pix[i] = 255
		}
	}
	return im
}

// turnedJPEG is a JPEG whose EXIF data says that it lies on its side.
func turnedJPEG(t *testing.T, im image.Image) []byte {
	file := jpegOf(t, im)
	tiff := []byte("II\x2A\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	exif := append([]byte("Exif\x00\x00"), tiff...)
	segment := append(binary.BigEndian.AppendUint16([]byte("\xFF\xE1"), uint16(2+len(exif))), exif...)
	return slices.Concat(file[:2], segment, file[2:])
}

func TestPicturesAreEncodedOrKept(t *testing.T) {
	wide, turned := jpegOf(t, drawn(1, 60, 40)), turnedJPEG(t, drawn(1, 60, 40))
	clear := drawn(1, 60, 40)
	for i := range clear.Pix {
		if i%4 == 3 {
			clear.Pix[i] = 0
		}
	}
	deep := image.NewGray16(image.Rect(0, 0, 60, 40))
	for i := range 60 * 40 {
		deep.SetGray16(i%60, i/60, color.Gray16{uint16(i * 20)})
	}
	var animation bytes.Buffer
	if err := gif.Encode(&animation, drawn(1, 60, 40), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		file          []byte
		o             Options
		extension     string
		width, height int
		same          bool // the file's bytes
	}{
		{"nothing to do", wide, Options{}, "jpg", 60, 40, true},
		{"turned, kept", turned, Options{}, "jpg", 60, 40, true},
		{"turned, small enough", turned, Options{Side: 50}, "jpg", 40, 60, false},
		{"upright, small enough", wide, Options{Side: 40}, "jpg", 60, 40, true},
		{"made smaller", wide, Options{Side: 20}, "jpg", 30, 20, false},
		{"turned and made smaller", turned, Options{Side: 20}, "jpg", 20, 30, false},
		{"PNG to JPEG", pngOf(t, clear), Options{Side: 20}, "jpg", 30, 20, false},
		{"PNG to JPEG, small enough", pngOf(t, clear), Options{Side: 40}, "jpg", 60, 40, false},
		{"PNG kept", pngOf(t, clear), Options{}, "png", 60, 40, true},
		{"PNG kept a PNG", pngOf(t, clear), Options{Side: 20, ImageFormat: Keep}, "png", 30, 20, false},
		{"JPEG kept a JPEG", wide, Options{Side: 20, ImageFormat: Keep}, "jpg", 30, 20, false},
		{"16 bits", pngOf(t, deep), Options{Side: 20}, "jpg", 30, 20, false},
		{"JPEG to PNG", wide, Options{ImageFormat: PNG}, "png", 60, 40, false},
		{"PNG to JPEG, as large", pngOf(t, clear), Options{ImageFormat: JPEG}, "jpg", 60, 40, false},
		{"GIF", animation.Bytes(), Options{}, "gif", 60, 40, true},
		{"GIF to JPEG", animation.Bytes(), Options{Side: 20}, "jpg", 30, 20, false},
		{"GIF to PNG", animation.Bytes(), Options{Side: 20, ImageFormat: Keep}, "png", 30, 20, false},
	} {
		o, err := c.o.complete()
		if err != nil {
			t.Fatal(err)
		}
		e, err := newEncoder(o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.encode(datasets.Picture{File: c.file})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		there, err := config(p.file)
		if err != nil || p.extension != c.extension || p.width != c.width || p.height != c.height || there.Width != c.width ||
			there.Height != c.height || bytes.Equal(p.file, c.file) != c.same || p.originalWidth != 60 || p.originalHeight != 40 {
			t.Errorf("%s: %s, %d x %d, in the file %d x %d (%v), of %d x %d", c.name, p.extension, p.width, p.height, there.Width,
				there.Height, err, p.originalWidth, p.originalHeight)
		}
	}
}

// config is the size in the header of a file.
func config(file []byte) (c image.Config, err error) {
	for _, read := range []func(io.Reader) (image.Config, error){jpeg.DecodeConfig, png.DecodeConfig, gif.DecodeConfig} {
		if c, err = read(bytes.NewReader(file)); err == nil {
			return c, nil
		}
	}
	return c, err
}

// A transparent picture is drawn as training draws it: without its alpha, or on the background.
func TestTransparentPictures(t *testing.T) {
	im := image.NewNRGBA(image.Rect(0, 0, 8, 8)) // transparent black
	for background, want := range map[string]uint8{"": 0, "white": 255, "#808080": 128} {
		o, err := Options{ImageFormat: PNG, Background: background, Side: 4}.complete()
		if err != nil {
			t.Fatal(err)
		}
		e, err := newEncoder(o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.encode(datasets.Picture{File: pngOf(t, im)})
		if err != nil {
			t.Fatal(err)
		}
		out, err := png.Decode(bytes.NewReader(p.file))
		if err != nil {
			t.Fatal(err)
		}
		if r, _, _, a := out.At(1, 1).RGBA(); uint8(r) != want || a != 0xffff {
			t.Errorf("on %q it is %d", background, r)
		}
	}
}

func TestQualityCounts(t *testing.T) {
	file := pngOf(t, noise(1, 64, 64))
	size := func(quality int) int {
		o, err := Options{ImageFormat: JPEG, Quality: quality}.complete()
		if err != nil {
			t.Fatal(err)
		}
		e, err := newEncoder(o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.encode(datasets.Picture{File: file})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(p.file)); err != nil {
			t.Fatal(err)
		}
		return len(p.file)
	}
	if low, plain, high := size(30), size(0), size(100); !(low < plain && plain == size(90) && plain < high) {
		t.Errorf("%d, %d, %d bytes", low, plain, high)
	}
}

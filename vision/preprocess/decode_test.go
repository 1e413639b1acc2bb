package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A header can claim any size. These are files of a few hundred bytes.
func lyingJPEG(width, height int) []byte {
	frame := []byte{0xFF, 0xC0, 0, 17, 8, 0, 0, 0, 0, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0}
	binary.BigEndian.PutUint16(frame[5:], uint16(height))
	binary.BigEndian.PutUint16(frame[7:], uint16(width))
	return slices.Concat([]byte("\xFF\xD8"), frame, []byte("\xFF\xDA\x00\x0C\x03\x01\x00\x02\x11\x03\x11\x00\x3F\x00"),
		make([]byte, 300), []byte("\xFF\xD9"))
}

func lyingPNG(width, height int) []byte {
	header := []byte{8: 8, 9: 2, 12: 0} // 8 bits, RGB
	binary.BigEndian.PutUint32(header, uint32(width))
	binary.BigEndian.PutUint32(header[4:], uint32(height))
	return slices.Concat([]byte(pngMagic), pngChunk("IHDR", header), pngChunk("IDAT", append([]byte("\x78\x9C"), make([]byte, 300)...)),
		pngChunk("IEND", nil))
}

func pngChunk(name string, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	out = append(append(out, name...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func lyingGIF(width, height int) []byte {
	file := []byte("GIF89a\x00\x00\x00\x00\x80\x00\x00" + "\x00\x00\x00\xFF\xFF\xFF" + ",\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x02\x02\x4C\x01\x00;")
	for _, at := range []int{6, 24} {
		binary.LittleEndian.PutUint16(file[at:], uint16(width))
		binary.LittleEndian.PutUint16(file[at+2:], uint16(height))
	}
	return file
}

// lyingWebP has a container of one size, and data of another.
func lyingWebP(canvas, data int) []byte {
	frame := []byte{0x10, 0, 0, 0x9D, 0x01, 0x2A, 0, 0, 0, 0, 63: 0}
	binary.LittleEndian.PutUint16(frame[6:], uint16(data))
	binary.LittleEndian.PutUint16(frame[8:], uint16(data))
	return riff("VP8X", webpContainer(webpHasAlpha, canvas, canvas), "ALPH", make([]byte, 100), "VP8 ", frame)
}

// longWebP is a picture whose chunk is longer than the file.
func longWebP(t *testing.T, size int) []byte {
	file := slices.Clone(openFixtures(t).file(t, "webp_lossy.webp"))
	if string(file[12:16]) != "VP8 " {
		t.Fatalf("the fixture begins with %q", file[12:16])
	}
	binary.LittleEndian.PutUint32(file[4:], uint32(size)+12)
	binary.LittleEndian.PutUint32(file[16:], uint32(size))
	return file
}

func webpContainer(flags byte, width, height int) []byte {
	w, h := width-1, height-1
	return []byte{flags, 0, 0, 0, uint8(w), uint8(w >> 8), uint8(w >> 16), uint8(h), uint8(h >> 8), uint8(h >> 16)}
}

func riff(parts ...any) []byte {
	body := []byte("WEBP")
	for i := 0; i < len(parts); i += 2 {
		chunk := parts[i+1].([]byte)
		body = binary.LittleEndian.AppendUint32(append(body, parts[i].(string)...), uint32(len(chunk)))
		body = append(append(body, chunk...), make([]byte, len(chunk)%2)...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestPicturesOverTheLimitsAreRefusedBeforeTheyTakeMemory(t *testing.T) {
	for _, c := range []struct {
		name    string
		file    []byte
		refused bool // else an ordinary error: the size is allowed, but the file can't hold it
	}{
		{"jpeg 40000 x 40000", lyingJPEG(40000, 40000), true},
		{"jpeg 65535 x 1", lyingJPEG(65535, 1), true},
		{"jpeg 10000 x 6000", lyingJPEG(10000, 6000), false},
		{"jpeg 16385 x 8", lyingJPEG(16385, 8), true},
		{"png 100000 x 100000", lyingPNG(100000, 100000), true},
		{"png 2147483647 x 2147483647", lyingPNG(1<<31-1, 1<<31-1), true},
		{"png 10000 x 6000", lyingPNG(10000, 6000), false},
		{"png of no width", lyingPNG(0, 10), false},
		{"gif 65535 x 65535", lyingGIF(65535, 65535), true},
		{"gif 10000 x 6000", lyingGIF(10000, 6000), false},
		{"webp 16383 x 16383", lyingWebP(16383, 16383), true},
		{"webp 16383 x 16383 in a canvas of a pixel", lyingWebP(1, 16383), false},
		{"webp of a pixel in a canvas of 30000 x 30000", lyingWebP(30000, 1), false},
		{"webp animation of a pixel on a canvas of 30000 x 30000", animatedWebP(30000, 1, 1), true},
		{"webp whose data are 12 MB, it says", longWebP(t, 12<<20), false},
		{"a file of 64 MB and a byte", append(lyingJPEG(1, 1), make([]byte, 64<<20)...), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := allocated()
			_, err := Decode(c.file, DefaultLimits())
			if took := allocated() - before; took > 1<<20 {
				t.Errorf("%d bytes were taken", took)
			}
			var refused *RefusedError
			if err == nil || errors.As(err, &refused) != c.refused {
				t.Errorf("%v", err)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestLimitsAreInclusive(t *testing.T) {
	file := pngOf(t, image.NewRGBA(image.Rect(0, 0, 7, 5)))
	for _, c := range []struct {
		limits Limits
		ok     bool
	}{
		{Limits{Bytes: len(file), Pixels: 35, Side: 7}, true},
		{Limits{Bytes: len(file) - 1, Pixels: 35, Side: 7}, false},
		{Limits{Bytes: len(file), Pixels: 34, Side: 7}, false},
		{Limits{Bytes: len(file), Pixels: 35, Side: 6}, false},
	} {
		var refused *RefusedError
		if _, err := Decode(file, c.limits); (err == nil) != c.ok || err != nil && !errors.As(err, &refused) {
			t.Errorf("%+v: %v", c.limits, err)
		}
	}
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	f := openFixtures(t)
	files := map[string][]byte{"made.gif": gifOf(t, noise(40, 30))}
	for _, s := range f.sources {
		if s.Format != "GIF" { // an animation may end after its first frame
			files[s.File] = f.file(t, s.File)
		}
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(file, DefaultLimits()); err != nil {
				t.Fatal(err)
			}
			ends := len(file) - 3 // not the last byte alone: a GIF's or WebP's says nothing
			if strings.HasSuffix(name, ".png") {
				ends = len(file) - len("sum.") - len("sum.") - 12 - 2 // checksums of stream and chunk, last chunk: pixels are whole without
			}
			for i := range 40 {
				cut := min(len(file)*i/40, ends)
				if _, err := Decode(file[:cut], DefaultLimits()); err == nil {
					t.Errorf("the first %d of %d bytes are taken for a picture", cut, len(file))
				}
			}
			if _, err := Decode(file[:ends], DefaultLimits()); err == nil {
				t.Errorf("a picture without its last %d bytes is taken for a whole one", len(file)-ends)
			}
		})
	}
}

func TestOtherContentIsAnErrorWhateverItsName(t *testing.T) {
	for _, content := range []string{"\xFF", "a text named cat.jpg\n", "BM\x00\x00\x00\x00", "RIFF\x00\x00\x00\x00WAVEfmt ", "GIF90a",
		"\x89PNG\n\x1a\n"} {
		_, err := Decode([]byte(content), DefaultLimits())
		if err == nil || !strings.Contains(err.Error(), "not a JPEG, PNG, GIF, WebP, TIFF or BMP file") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestKnownFormatsThatAreNotReadAreNamedWithAWayOut(t *testing.T) {
	media := func(brand, also string) string {
		return "\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00" + also + "...."
	}
	tiff := func(tag, value uint32) string {
		entry := binary.LittleEndian.AppendUint32([]byte{byte(tag), byte(tag >> 8), 4, 0, 1, 0, 0, 0}, value)
		return "II*\x00\x08\x00\x00\x00\x01\x00" + string(entry) + "\x00\x00\x00\x00"
	}
	for _, c := range []struct{ content, want, way string }{
		{"", "the file is empty", ""},
		{media("heic", "mif1"), "HEIC isn't read", "heif-convert"},
		{media("mif1", "heic"), "HEIC isn't read", "heif-convert"},
		{media("mif1", "avif"), "AVIF isn't read", "avifdec"},
		{media("avif", "mif1"), "AVIF isn't read", "avifdec"},
		{media("crx ", "isom"), "Canon RAW (CR3) isn't read", "darktable"},
		{media("isom", "mp42"), "a video", "ffmpeg"},
		{"\xFF\x0A\x00", "JPEG XL isn't read", "djxl"},
		{"\x00\x00\x00\x0CJXL \r\n\x87\n", "JPEG XL isn't read", "djxl"},
		{"\x00\x00\x00\x0CjP  \r\n\x87\n", "JPEG 2000 isn't read", "magick"},
		{"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG isn't read", "rsvg"},
		{"\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- x -->\n<SVG>", "SVG isn't read", "rsvg"},
		{"<!DOCTYPE html><title>404</title>", "HTML", "download"},
		{"%PDF-1.7", "PDF isn't read", "pdftoppm"},
		{"\x00\x00\x01\x00\x01\x00", "ICO isn't read", "magick"},
		{"P6\n2 2\n255\n", "PPM isn't read", "magick"},
		{"8BPS\x00\x01", "Photoshop", "magick"},
		{"II*\x00\x10\x00\x00\x00CR\x02\x00" + strings.Repeat("\x00", 40), "CR2", "darktable"},
		{tiff(tagDNG, 1), "DNG", "darktable"},
		{"II+\x00\x08\x00\x00\x00", "BigTIFF isn't read", "tiffcp"},
	} {
		_, err := Decode([]byte(c.content), DefaultLimits())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.way) {
			t.Errorf("%.20q: %v, want %q and %q", c.content, err, c.want, c.way)
		}
	}
}

// The first bytes decide, so a header without a body reaches its decoder and is an error there.
func TestHeadersAloneAreErrors(t *testing.T) {
	for _, content := range []string{"\xFF\xD8\xFF", "\xFF\xD8\xFF\xD9", pngMagic, "GIF89a", "RIFF\x04\x00\x00\x00WEBP",
		"RIFF\x0C\x00\x00\x00WEBPVP8L\x00\x00\x00\x00",
		"GIF89a\x01\x00\x01\x00\x00\x00\x00;"} {
		if _, err := Decode([]byte(content), DefaultLimits()); err == nil {
			t.Errorf("%q is taken for a picture", content)
		}
	}
}

func pngOf(t testing.TB, im image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, im *image.Paletted) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, im, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise is an image of all colours, the same each time.
func noise(width, height int) *image.Paletted {
	var p color.Palette
	for i := range 256 {
		p = append(p, color.NRGBA{uint8(i), uint8(i * 7), uint8(i * 31), 255})
	}
	im := image.NewPaletted(image.Rect(0, 0, width, height), p)
	for i := range im.Pix {
		im.Pix[i] = uint8(uint32(i) * 2654435761 >> 13)
	}
	return im
}

func BenchmarkDecode(b *testing.B) {
	f := openFixtures(b)
	for _, name := range []string{"jpeg_big.jpg", "png_rgb.png", "webp_lossy.webp", "webp_lossless.webp", "gif_anim.gif"} {
		file := f.file(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(file, DefaultLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

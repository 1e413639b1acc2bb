package preprocess

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
	"testing"
)

// rawPNG is a picture of one row.
func rawPNG(t *testing.T, width int, depth byte, c pngColor, row []byte, extra ...[]byte) []byte {
	t.Helper()
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), 1)
	return slices.Concat([]byte(pngMagic), pngChunk("IHDR", append(header, depth, byte(c), 0, 0, 0)), slices.Concat(extra...),
		pngChunk("IDAT", deflated(t, append([]byte{0}, row...))), pngChunk("IEND", nil))
}

func deflated(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What Pillow 12.3 makes of kinds of PNG that the fixtures lack: of 16 bits the high byte counts, except in grey; a
// transparent colour is no channel.
func TestPNGsThatTheFixturesLack(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		mode mode
		want []byte
	}{
		{"grey of 2 bits", rawPNG(t, 4, 2, pngGrey, []byte{0b00_01_10_11}), grey, []byte{0, 85, 170, 255}},
		{"grey of 4 bits, one transparent", rawPNG(t, 2, 4, pngGrey, []byte{0x1F}, pngChunk("tRNS", []byte{0, 1})), grey, []byte{17, 255}},
		{"bits, one transparent", rawPNG(t, 3, 1, pngGrey, []byte{0b10100000}, pngChunk("tRNS", []byte{0, 1})), bilevel,
			[]byte{255, 0, 255}},
		{"grey of 16 bits, one transparent", rawPNG(t, 2, 16, pngGrey, []byte{1, 2, 3, 4}, pngChunk("tRNS", []byte{1, 2})), grey16,
			[]byte{2, 1, 4, 3}},
		{"grey and alpha of 16 bits", rawPNG(t, 1, 16, pngGreyAlpha, []byte{9, 255, 8, 255}), rgba, []byte{9, 9, 9, 8}},
		{"RGB of 16 bits", rawPNG(t, 1, 16, pngRGB, []byte{1, 255, 2, 255, 3, 255}), rgb, []byte{1, 2, 3}},
		{"RGB of 16 bits, transparent", rawPNG(t, 1, 16, pngRGB, []byte{1, 0, 2, 0, 3, 0}, pngChunk("tRNS", []byte{1, 0, 2, 0, 3, 0})),
			rgb, []byte{1, 2, 3}},
		{"RGB, transparent", rawPNG(t, 1, 8, pngRGB, []byte{7, 8, 9}, pngChunk("tRNS", []byte{0, 7, 0, 8, 0, 9})), rgb, []byte{7, 8, 9}},
		{"RGBA of 16 bits", rawPNG(t, 1, 16, pngRGBA, []byte{1, 99, 2, 99, 3, 99, 4, 99}), rgba, []byte{1, 2, 3, 4}},
		{"palette of 2 bits", rawPNG(t, 4, 2, pngPalette, []byte{0b11_10_01_00}, pngChunk("PLTE", make([]byte, 12))), indexed,
			[]byte{3, 2, 1, 0}},
	} {
		im, err := Decode(c.file, DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if im.mode != c.mode || !bytes.Equal(im.pix, c.want) {
			t.Errorf("%s: mode %s, %v; want %s, %v", c.name, modeNames[im.mode], im.pix, modeNames[c.mode], c.want)
		}
	}
}

// A transparent colour of a palette keeps its red, green and blue.
func TestTransparentPaletteColoursStay(t *testing.T) {
	palette := color.Palette{color.NRGBA{10, 20, 30, 0}, color.NRGBA{40, 50, 60, 128}, color.NRGBA{70, 80, 90, 255}}
	p := image.NewPaletted(image.Rect(0, 0, 3, 1), palette)
	copy(p.Pix, []uint8{0, 1, 2})
	im, err := Decode(pngOf(t, p), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if want := []byte{10, 20, 30, 40, 50, 60, 70, 80, 90}; !bytes.Equal(rgbOf(im), want) {
		t.Errorf("%v, want %v", rgbOf(im), want)
	}
}

// onCanvas makes the canvas of a GIF larger than its frame, and puts the frame at (1, 2).
func onCanvas(file []byte, width, height int) []byte {
	out := slices.Clone(file)
	frame := bytes.Index(out, []byte{gifFrame, 0, 0, 0, 0})
	binary.LittleEndian.PutUint16(out[6:], uint16(width))
	binary.LittleEndian.PutUint16(out[8:], uint16(height))
	out[frame+1], out[frame+3] = 1, 2
	return out
}

func TestGIFFramesStandOnTheirCanvas(t *testing.T) {
	red, green, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}
	for _, c := range []struct {
		name    string
		palette color.Palette
		empty   uint8 // the canvas's index: the transparent one, or 0
	}{
		{"opaque", color.Palette{red, green, blue}, 0},
		{"index 2 transparent", color.Palette{red, green, color.NRGBA{}}, 2},
	} {
		p := image.NewPaletted(image.Rect(0, 0, 2, 1), c.palette)
		p.Pix[0], p.Pix[1] = 1, 0
		im, err := Decode(onCanvas(gifOf(t, p), 4, 4), DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want := bytes.Repeat([]byte{c.empty}, 16)
		want[2*4+1], want[2*4+2] = 1, 0
		if im.mode != indexed || !bytes.Equal(im.pix, want) {
			t.Errorf("%s: %v, want %v", c.name, im.pix, want)
		}
	}
}

// Pillow reads a palette that maps each index to its own grey as no palette, so such a GIF is resized with the filter asked for.
func TestGIFOfGreysIsGrey(t *testing.T) {
	var palette color.Palette
	for i := range 256 {
		palette = append(palette, color.Gray{uint8(i)})
	}
	p := image.NewPaletted(image.Rect(0, 0, 16, 16), palette)
	for i := range p.Pix {
		p.Pix[i] = uint8(255 - i)
	}
	im, err := Decode(gifOf(t, p), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if im.mode != grey || !bytes.Equal(im.pix, p.Pix) {
		t.Errorf("mode %s", modeNames[im.mode])
	}
}

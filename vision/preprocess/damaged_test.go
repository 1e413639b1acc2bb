package preprocess

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
)

// animatedWebP is a canvas with one frame, which has a size in its header and another one in its data.
func animatedWebP(canvas, header, data int) []byte {
	frame := make([]byte, frameHeader)
	frame[6], frame[9] = byte(header-1), byte(header-1)
	return riff("VP8X", webpContainer(webpIsAnimated, canvas, canvas), "ANMF", append(frame, plainWebP(data)[12:]...))
}

// bmpOf is a BMP of 4 x 4 pixels in 8 bits, with numbers put over its header.
func bmpOf(colors int, over map[int]uint32) []byte {
	file := make([]byte, 54+4*colors+16)
	copy(file, "BM")
	for at, v := range map[int]uint32{10: uint32(54 + 4*colors), 14: 40, 18: 4, 22: 4, 26: 1 | 8<<16, 46: uint32(colors)} {
		binary.LittleEndian.PutUint32(file[at:], v)
	}
	for at, v := range over {
		binary.LittleEndian.PutUint32(file[at:], v)
	}
	return file
}

// greyTIFF is a TIFF of 4 x 4 grey pixels, with some fields replaced; nil removes one.
func greyTIFF(over map[int][]uint32) []byte {
	fields := map[int][]uint32{tagWidth: {4}, tagHeight: {4}, tagBits: {8}, tagPhotometric: {tiffBlackIsZero}, tagStrips: {8},
		tagStripBytes: {16}}
	maps.Copy(fields, over)
	maps.DeleteFunc(fields, func(_ int, v []uint32) bool { return v == nil })
	return tiffOf(fields, make([]byte, 16))
}

// A damaged header is noticed by the decoder, which says what is wrong; catching its panic is the last resort.
func TestDamagedHeadersAreRefusedInWords(t *testing.T) {
	tiles := func(width, height uint32) map[int][]uint32 {
		return map[int][]uint32{tagStrips: nil, tagTileWidth: {width}, tagTileHeight: {height}, tagTiles: {8}, tagTileBytes: {16}}
	}
	far := greyTIFF(map[int][]uint32{tagBits: {8, 8}})
	at := binary.LittleEndian.Uint32(far[4:]) + 2 + 2*12 // of the third field, tagBits
	binary.LittleEndian.PutUint32(far[at+8:], 1<<30)
	manyFields := greyTIFF(nil)
	binary.LittleEndian.PutUint16(manyFields[binary.LittleEndian.Uint32(manyFields[4:]):], 5000)
	for _, c := range []struct {
		name string
		file []byte
		want string // empty: a picture
	}{
		{"png", rawPNG(t, 4, 2, pngPalette, []byte{0}, pngChunk("PLTE", make([]byte, 12))), ""},
		{"png without a palette", rawPNG(t, 4, 2, pngPalette, []byte{0}), "no palette"},
		{"webp animation", animatedWebP(8, 8, 8), ""},
		{"webp animation of a frame that is larger than its header says", animatedWebP(4, 4, 8), "damaged header"},
		{"bmp", bmpOf(256, nil), ""},
		{"bmp that ends before its pixels", bmpOf(256, nil)[:54+4*256+8], "truncated"},
		{"bmp whose pixels begin behind its end", bmpOf(256, map[int]uint32{10: 1 << 30}), "truncated"},
		{"bmp of run lengths that begin behind its end", bmpOf(256, map[int]uint32{10: 1 << 30, 30: bmpRLE8}), "truncated"},
		{"bmp that ends in its palette", bmpOf(256, nil)[:54+100], "truncated"},
		{"bmp of a billion colours", bmpOf(256, map[int]uint32{46: 1 << 30}), "a palette of 1073741824 colours"},
		{"tiff", greyTIFF(nil), ""},
		{"tiff of more fields than it has bytes", manyFields, "truncated"},
		{"tiff whose values are behind its end", far, "field 258 has no values"},
		{"tiff in tiles", greyTIFF(tiles(4, 4)), ""},
		{"tiff in tiles of no width", greyTIFF(tiles(0, 4)), "tiles of 0 x 4 pixels"},
		{"tiff in tiles of no height", greyTIFF(tiles(4, 0)), "tiles of 4 x 0 pixels"},
		{"tiff in tiles of a billion pixels", greyTIFF(tiles(1<<15, 1<<15)), "tiles of 32768 x 32768 pixels"},
		{"tiff without strips", greyTIFF(map[int][]uint32{tagStrips: nil}), "truncated"},
	} {
		before := allocated()
		_, err := Decode(c.file, DefaultLimits())
		if took := allocated() - before; took > 1<<20 {
			t.Errorf("%s: %d bytes were taken", c.name, took)
		}
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAPanicOfADecoderIsAnError(t *testing.T) {
	broken := format{"x", func(file []byte, _ *decoding) (*Image, error) { return nil, errorOf(file[9]) },
		func([]byte) []byte { return nil }, func([]byte) []byte { return nil }}
	im, err := broken.guarded(slices.Repeat([]byte{0}, 9), &decoding{})
	if im != nil || err == nil || !strings.HasPrefix(err.Error(), "x: the decoder panicked") {
		t.Errorf("%v, %v", im, err)
	}
}

func errorOf(byte) error { return nil }

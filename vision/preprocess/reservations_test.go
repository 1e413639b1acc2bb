package preprocess

import (
	"bytes"
	"encoding/binary"
	"image"
	"maps"
	"slices"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// bitWriter writes the lowest bits first, as a lossless WebP does.
type bitWriter struct {
	out []byte
	at  int
}

func (w *bitWriter) write(n int, v uint32) {
	for i := range n {
		if w.at%8 == 0 {
			w.out = append(w.out, 0)
		}
		w.out[w.at/8] |= byte(v>>i&1) << (w.at % 8)
		w.at++
	}
}

// plainWebP is a lossless picture of one colour: each of its five codes has one symbol, so that a pixel takes no bits.
func plainWebP(side int) []byte {
	w := &bitWriter{out: []byte{0x2F}, at: 8}
	w.write(14, uint32(side-1))
	w.write(14, uint32(side-1))
	w.write(4, 0) // no alpha, version 0
	w.write(3, 0) // neither transform, nor colour cache, nor several groups of codes
	for range 5 {
		w.write(4, 1) // a simple code with one symbol, of one bit, 0
	}
	return riff("VP8L", append(w.out, 0, 0, 0, 0))
}

// runsBMP is a picture of run lengths of 8 bits, all of one colour.
func runsBMP(side int) []byte {
	file := make([]byte, 54+4*256)
	copy(file, "BM")
	for at, v := range map[int]uint32{10: uint32(len(file)), 14: 40, 18: uint32(side), 22: uint32(side), 30: bmpRLE8} {
		binary.LittleEndian.PutUint32(file[at:], v)
	}
	file[26], file[28] = 1, 8
	for range side {
		for left := side; left > 0; left -= min(left, 255) {
			file = append(file, byte(min(left, 255)), 7)
		}
		file = append(file, 0, 0)
	}
	return append(file, 0, 1)
}

// tiffOf is a little-endian TIFF of one page. The values of a field are 32-bit numbers.
func tiffOf(fields map[int][]uint32, pixels []byte) []byte {
	tags := slices.Sorted(maps.Keys(fields))
	file := append([]byte("II*\x00\x00\x00\x00\x00"), pixels...)
	var directory []byte
	for _, tag := range tags {
		values := fields[tag]
		directory = binary.LittleEndian.AppendUint16(directory, uint16(tag))
		directory = binary.LittleEndian.AppendUint16(directory, 4)
		directory = binary.LittleEndian.AppendUint32(directory, uint32(len(values)))
		if len(values) == 1 {
			directory = binary.LittleEndian.AppendUint32(directory, values[0])
			continue
		}
		directory = binary.LittleEndian.AppendUint32(directory, uint32(len(file)))
		for _, v := range values {
			file = binary.LittleEndian.AppendUint32(file, v)
		}
	}
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)))
	file = binary.LittleEndian.AppendUint16(file, uint16(len(tags)))
	return append(append(file, directory...), 0, 0, 0, 0)
}

// tiledTIFF is a grey picture in one row of tiles, so that its decoder holds all of it, and the same on the canvas.
func tiledTIFF(side, tile int) []byte {
	n := side / tile
	starts, sizes := make([]uint32, n), make([]uint32, n)
	for i := range n {
		starts[i], sizes[i] = uint32(8+i*tile*side), uint32(tile*side)
	}
	return tiffOf(map[int][]uint32{tagWidth: {uint32(side)}, tagHeight: {uint32(side)}, tagBits: {8}, tagPhotometric: {tiffBlackIsZero},
		tagTileWidth: {uint32(tile)}, tagTileHeight: {uint32(side)}, tagTiles: starts, tagTileBytes: sizes}, make([]byte, side*side))
}

// The estimate that is reserved covers what a decoder allocates.
func TestReservationsCoverWhatIsAllocated(t *testing.T) {
	const side = 512
	var strips, raw bytes.Buffer
	if err := tiff.Encode(&strips, image.NewNRGBA(image.Rect(0, 0, side, side)), nil); err != nil {
		t.Fatal(err)
	}
	if err := bmp.Encode(&raw, image.NewNRGBA(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	fixtures := openFixtures(t)
	for name, file := range map[string][]byte{
		"jpeg": fixtures.file(t, "jpeg_big.jpg"), "png of 16 bits": bigPNG(t, side, false),
		"interlaced png": bigPNG(t, side, true), "gif": gifOf(t, noise(side, side)), "webp": plainWebP(side),
		"tiff in strips": strips.Bytes(), "tiff in tiles": tiledTIFF(2*side, side), "bmp": raw.Bytes(), "bmp of runs": runsBMP(side),
	} {
		for _, flat := range []bool{false, true} {
			d := decoding{Limits: DefaultLimits(), flat: flat}
			before := allocated()
			if _, err := d.decode(file); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			took := int(allocated() - before)
			if took > d.reserved+d.reserved/8+1<<18 {
				t.Errorf("%s, flat %v: %d bytes allocated, %d reserved", name, flat, took, d.reserved)
			}
			d.release()
		}
	}
}

package preprocess

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"clipgo/internal/jpeg"
)

// read calls use for each row of the picture. A row has all samples of a pixel next to each other, 16-bit ones with the high byte first. It
// is valid during the call.
func (t *tiffFile) read(use func(y int, row []uint8)) error {
	planes, samples := t.planes()
	row := make([]uint8, (t.width*t.samples*t.bits+7)/8)
	part := make([]uint8, t.rowBytes())
	blocks := make([]io.Reader, planes*t.across())
	var tiles []uint8
	for band := range t.down() {
		for i := range blocks {
			plane, column := i/t.across(), i%t.across()
			r, err := t.open((plane*t.down()+band)*t.across() + column)
			if err != nil {
				return tiffError(err)
			}
			if t.tiled { // so that one decompressor is open at a time
				size := len(part) * t.blockHeight
				tiles = grow(tiles, len(blocks)*size)
				tile := tiles[i*size : (i+1)*size]
				if _, err := io.ReadFull(r, tile); err != nil {
					return tiffError(err)
				}
				r = bytes.NewReader(tile)
			}
			blocks[i] = r
		}
		for y := band * t.blockHeight; y < min((band+1)*t.blockHeight, t.height); y++ {
			for i, r := range blocks {
				if _, err := io.ReadFull(r, part); err != nil {
					return tiffError(err)
				}
				t.restore(part, samples)
				t.place(row, part, i/t.across(), i%t.across())
			}
			use(y, row)
		}
	}
	return nil
}

func tiffError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errTIFFEnds
	}
	return fmt.Errorf("tiff: %w", err)
}

// place copies a block's row to its position in the picture's.
func (t *tiffFile) place(row, part []uint8, plane, column int) {
	if t.bits < 8 {
		copy(row[column*t.blockWidth*t.bits/8:], part)
		return
	}
	size := t.bits / 8
	if planes, _ := t.planes(); planes == 1 {
		copy(row[column*t.blockWidth*t.samples*size:], part)
		return
	}
	for x := range min(t.blockWidth, t.width-column*t.blockWidth) {
		copy(row[((column*t.blockWidth+x)*t.samples+plane)*size:][:size], part[x*size:])
	}
}

// restore undoes bit order, byte order and predictor of a block's row.
func (t *tiffFile) restore(part []uint8, samples int) {
	if t.reversed && t.compression == tiffRaw {
		for i, v := range part {
			part[i] = bits.Reverse8(v)
		}
	}
	if t.bits == 16 && t.file[0] == 'I' {
		for i := 0; i+1 < len(part); i += 2 {
			part[i], part[i+1] = part[i+1], part[i]
		}
	}
	switch {
	case t.predictor != 2 || t.compression == tiffRaw || t.compression == tiffJPEG:
	case t.bits == 8:
		for i := samples; i < len(part); i++ {
			part[i] += part[i-samples]
		}
	case t.bits == 16:
		for i := 2 * samples; i+1 < len(part); i += 2 {
			v := uint16(part[i])<<8 + uint16(part[i+1]) + uint16(part[i-2*samples])<<8 + uint16(part[i-2*samples+1])
			part[i], part[i+1] = uint8(v>>8), uint8(v)
		}
	}
}

// open decompresses block i.
func (t *tiffFile) open(i int) (io.Reader, error) {
	data, err := t.block(i)
	if err != nil {
		return nil, err
	}
	switch t.compression {
	case tiffLZW:
		return lzw.NewReader(bytes.NewReader(data), lzw.MSB, 8), nil
	case tiffDeflate, tiffOldDeflate:
		return zlib.NewReader(bytes.NewReader(data))
	case tiffPackBits:
		return &packBits{rest: data}, nil
	case tiffFax3, tiffFax4:
		return t.fax(data, min(t.blockHeight, t.height-i/t.across()%t.down()*t.blockHeight)), nil
	case tiffJPEG:
		return t.jpeg(data)
	}
	return bytes.NewReader(data), nil
}

// block is the stored data of block i.
func (t *tiffFile) block(i int) ([]byte, error) {
	if i >= len(t.starts) || t.starts[i] > len(t.file) {
		return nil, errTIFFEnds
	}
	data := t.file[t.starts[i]:]
	if i < len(t.sizes) && t.sizes[i] > 0 && t.compression != tiffRaw { // those of raw blocks are often wrong, and follow from the header
		data = data[:min(t.sizes[i], len(data))]
	}
	return data, nil
}

// fax decodes rows in which white is 0, whatever the photometric interpretation makes of it.
func (t *tiffFile) fax(data []byte, rows int) io.Reader {
	order, format := ccitt.MSB, ccitt.Group4
	if t.reversed {
		order = ccitt.LSB
	}
	if t.compression == tiffFax3 {
		format = ccitt.Group3
	}
	return ccitt.NewReader(bytes.NewReader(data), order, format, t.blockWidth, rows, &ccitt.Options{Invert: true})
}

// jpeg decodes a block to its samples. The tables that all blocks share are in a field of their own. Adobe's marker says whether
// colours are YCbCr, which in TIFF a field says.
func (t *tiffFile) jpeg(data []byte) (io.Reader, error) {
	transform := byte(0)
	if t.photometric == tiffYCbCr {
		transform = 1
	}
	adobe := []byte("\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00")
	adobe[len(adobe)-1] = transform
	var tables []byte
	for _, v := range t.values(tagJPEGTables) {
		tables = append(tables, byte(v))
	}
	tables = bytes.TrimSuffix(bytes.TrimPrefix(tables, []byte("\xFF\xD8")), []byte("\xFF\xD9"))
	file := slices.Concat([]byte("\xFF\xD8"), adobe, tables, bytes.TrimPrefix(data, []byte("\xFF\xD8")))
	width, height, err := jpeg.Size(file)
	if err != nil {
		return nil, err
	}
	if width != t.blockWidth || height > t.blockHeight {
		return nil, fmt.Errorf("corrupt: a block of %d x %d pixels", width, height)
	}
	p, err := jpeg.Decode(file)
	if err != nil {
		return nil, err
	}
	if _, samples := t.planes(); p.Channels != samples || t.bits != 8 {
		return nil, fmt.Errorf("corrupt: a block of %d channels", p.Channels)
	}
	return bytes.NewReader(p.Pix), nil
}

// packBits undoes Macintosh's run lengths.
type packBits struct {
	rest []byte
	run  int  // bytes that are still to come of this run
	same bool // it repeats rest[0]
}

func (r *packBits) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.run == 0 {
			if len(r.rest) < 2 {
				break
			}
			code := int8(r.rest[0])
			r.rest = r.rest[1:]
			switch {
			case code == -128:
				continue
			case code < 0:
				r.run, r.same = 1-int(code), true
			default:
				r.run, r.same = 1+int(code), false
			}
		}
		if len(r.rest) == 0 {
			break
		}
		p[n] = r.rest[0]
		n++
		r.run--
		if !r.same || r.run == 0 {
			r.rest = r.rest[1:]
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

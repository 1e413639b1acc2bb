package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// bmpHeaders are the sizes of headers: OS/2's, then Windows' versions 3, 2 and 3 of it by Adobe, OS/2's second, 4 and 5.
var bmpHeaders = []uint32{12, 40, 52, 56, 64, 108, 124}

func isBMP(file []byte) bool {
	return len(file) >= 26 && file[0] == 'B' && file[1] == 'M' && slices.Contains(bmpHeaders, binary.LittleEndian.Uint32(file[14:]))
}

// The values of a BMP's compression.
const (
	bmpRaw, bmpRLE8, bmpRLE4, bmpBitfields = 0, 1, 2, 3
)

// bmpFile is the header of a BMP file.
type bmpFile struct {
	file          []byte
	width, height int
	down          bool // the first row is the top
	bits          int
	compression   int
	colors        []uint8 // [256, 3]
	grey, bilevel bool    // the palette is a ramp
	channels      []int   // of pixels of 24 and 32 bits: the bytes of red, green, blue and alpha
	masks         [3]uint32
	pixels        int // where they begin
}

var errBMPEnds = errors.New("bmp: truncated: the file ends before the last pixel")

func decodeBMP(file []byte, d *decoding) (*Image, error) {
	b := &bmpFile{file: file}
	if err := b.read(); err != nil {
		return nil, err
	}
	if err := d.checkSize(b.width, b.height); err != nil {
		return nil, err
	}
	if err := b.layout(); err != nil {
		return nil, err
	}
	m := b.mode()
	if b.compression == bmpRLE8 || b.compression == bmpRLE4 {
		return b.runs(d, m)
	}
	stride := (b.width*b.bits + 31) / 32 * 4
	if b.pixels > len(file) || stride*b.height > len(file)-b.pixels {
		return nil, errBMPEnds
	}
	d.reserve(b.width*b.height*d.pixelBytes(m) + 4*b.width)
	out := d.canvas(m, b.width, b.height, b.colors, nil)
	line := make([]uint8, b.width*m.bytes())
	for i := range b.height {
		b.convert(line, file[b.pixels+i*stride:][:stride], m)
		out.row(b.line(i), line)
	}
	return out.im, nil
}

// line is the row that is stored i-th.
func (b *bmpFile) line(i int) int {
	if b.down {
		return i
	}
	return b.height - 1 - i
}

// read reads the header.
func (b *bmpFile) read() error {
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b.file[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(b.file[at:])) }
	size := u32(14)
	if len(b.file) < 14+size {
		return errBMPEnds
	}
	b.pixels = u32(10)
	if size == 12 {
		b.width, b.height, b.bits = u16(18), u16(20), u16(24)
		return b.palette(14+size, 3, 1<<b.bits)
	}
	b.width, b.height, b.bits, b.compression = u32(18), u32(22), u16(28), u32(30)
	if b.file[25] == 0xFF {
		b.down, b.height = true, 1<<32-b.height
	}
	colors := u32(46)
	if colors == 0 {
		colors = 1 << b.bits
	}
	if b.bits == 16 && b.compression == bmpRaw {
		b.masks = [3]uint32{0x7C00, 0x3E0, 0x1F}
	}
	after := 14 + size
	if b.compression == bmpBitfields {
		if len(b.file) < 14+40+12 {
			return errBMPEnds
		}
		for i := range b.masks {
			b.masks[i] = uint32(u32(14 + 40 + 4*i))
		}
		if size == 40 {
			after += 12
		}
	}
	return b.palette(after, 4, colors)
}

// palette reads colours of blue, green and red, and notes whether Pillow takes them for greys.
func (b *bmpFile) palette(at, step, n int) error {
	if b.bits > 8 {
		return nil
	}
	if n < 1 || n > 1<<16 {
		return fmt.Errorf("bmp: a palette of %d colours", n)
	}
	b.colors = make([]uint8, 256*3)
	b.grey, b.bilevel = n > 2 && b.bits == 8, n == 2 && b.bits == 1
	for i := range min(n, 256) {
		if at+step*(i+1) > len(b.file) {
			return errBMPEnds
		}
		c := b.file[at+step*i:]
		copy(b.colors[3*i:], []uint8{c[2], c[1], c[0]})
		for _, v := range c[:3] {
			b.grey = b.grey && int(v) == i
			b.bilevel = b.bilevel && int(v) == 255*i
		}
	}
	if b.pixels == 0 || b.pixels == at { // some writers leave the palette out of account
		b.pixels = at + step*n
	}
	return nil
}

// bmpMasks are the layouts of 32 bits that Pillow reads: the bytes of red, green, blue and, where there is one, alpha.
var bmpMasks = map[[4]uint32][]int{
	{0xFF0000, 0xFF00, 0xFF, 0}:          {2, 1, 0},
	{0xFF000000, 0xFF0000, 0xFF00, 0}:    {3, 2, 1},
	{0xFF000000, 0xFF00, 0xFF, 0}:        {3, 1, 0},
	{0xFF000000, 0xFF0000, 0xFF00, 0xFF}: {3, 2, 1, 0},
	{0xFF, 0xFF00, 0xFF0000, 0xFF000000}: {0, 1, 2, 3},
	{0xFF0000, 0xFF00, 0xFF, 0xFF000000}: {2, 1, 0, 3},
	{0xFF000000, 0xFF00, 0xFF, 0xFF0000}: {3, 1, 0, 2},
	{0, 0, 0, 0}:                         {2, 1, 0, 3},
}

// layout checks the combination of sizes and masks.
func (b *bmpFile) layout() error {
	raw, masked := b.compression == bmpRaw, b.compression == bmpBitfields
	ok := false
	switch b.bits {
	case 1:
		ok = raw
	case 4:
		ok = raw || b.compression == bmpRLE4
	case 8:
		ok = raw || b.compression == bmpRLE8
	case 16:
		ok = raw || masked && (b.masks == [3]uint32{0xF800, 0x7E0, 0x1F} || b.masks == [3]uint32{0x7C00, 0x3E0, 0x1F})
	case 24:
		b.channels = []int{2, 1, 0}
		ok = raw || masked && b.masks == [3]uint32{0xFF0000, 0xFF00, 0xFF}
	case 32:
		b.channels, ok = []int{2, 1, 0}, raw
		if masked {
			alpha := uint32(0)
			if size := binary.LittleEndian.Uint32(b.file[14:]); size >= 56 {
				alpha = binary.LittleEndian.Uint32(b.file[14+52:])
			}
			b.channels, ok = bmpMasks[[4]uint32{b.masks[0], b.masks[1], b.masks[2], alpha}], true
			ok = b.channels != nil
		}
	}
	if !ok {
		return fmt.Errorf("bmp: unsupported: %d bits a pixel with compression %d", b.bits, b.compression)
	}
	return nil
}

func (b *bmpFile) mode() mode {
	switch {
	case b.bilevel:
		return bilevel
	case b.grey:
		return grey
	case b.bits <= 8:
		return indexed
	case len(b.channels) == 4:
		return rgba
	}
	return rgb
}

// convert makes pixels of mode m of a stored row.
func (b *bmpFile) convert(line, row []uint8, m mode) {
	switch {
	case b.bits <= 8:
		perByte, mask := 8/b.bits, uint8(1<<b.bits-1)
		for x := range line {
			line[x] = row[x/perByte] >> (8 - b.bits*(1+x%perByte)) & mask
			if m == bilevel {
				line[x] *= 255
			}
		}
	case b.bits == 16:
		green := 5
		if b.masks[1] == 0x7E0 {
			green = 6
		}
		for x := range b.width {
			v := int(binary.LittleEndian.Uint16(row[2*x:]))
			line[3*x] = uint8(v >> (5 + green) & 31 * 255 / 31)
			line[3*x+1] = uint8(v >> 5 & (1<<green - 1) * 255 / (1<<green - 1))
			line[3*x+2] = uint8(v & 31 * 255 / 31)
		}
	default:
		n := len(b.channels)
		for x := range b.width {
			px := row[x*b.bits/8:]
			for c, from := range b.channels {
				line[n*x+c] = px[from]
			}
		}
	}
}

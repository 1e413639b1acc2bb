package preprocess

import (
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// pngData reads the pixels' chunks, which follow each other, as one stream.
type pngData struct {
	chunk []byte // what is left of this one
	rest  []byte // the chunks after it
}

// next goes to the next chunk of pixels.
func (r *pngData) next() error {
	for len(r.chunk) == 0 {
		if len(r.rest) < 8 || string(r.rest[4:8]) != "IDAT" {
			return io.EOF
		}
		size := int64(binary.BigEndian.Uint32(r.rest))
		if size+12 > int64(len(r.rest)) { // the file ends in it, perhaps after the last pixel
			r.chunk, r.rest = r.rest[8:min(8+size, int64(len(r.rest)))], nil
			if len(r.chunk) == 0 {
				return io.EOF
			}
			return nil
		}
		if crc32.ChecksumIEEE(r.rest[4:8+size]) != binary.BigEndian.Uint32(r.rest[8+size:]) {
			return errors.New("corrupt: the checksum of the pixels is wrong")
		}
		r.chunk, r.rest = r.rest[8:8+size], r.rest[12+size:]
	}
	return nil
}

func (r *pngData) Read(p []byte) (int, error) {
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.chunk)
	r.chunk = r.chunk[n:]
	return n, nil
}

// ReadByte spares the decompressor a buffer.
func (r *pngData) ReadByte() (byte, error) {
	if err := r.next(); err != nil {
		return 0, err
	}
	b := r.chunk[0]
	r.chunk = r.chunk[1:]
	return b, nil
}

// pngPass is a part of an interlaced picture: every dx-th pixel of every dy-th row.
type pngPass struct{ x, y, dx, dy int }

// adam7 are the passes of PNG's interlacing.
var adam7 = []pngPass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}

// read decodes the pixels row by row: in memory are the finished picture and two rows.
func (h *pngHeader) read(pixels []byte, to *canvas) error {
	z, err := zlib.NewReader(&pngData{rest: pixels})
	if err != nil {
		return pngError(err)
	}
	passes := adam7
	if !h.interlaced {
		passes = []pngPass{{0, 0, 1, 1}}
	}
	rows := pngRows{pngHeader: h, from: z, line: make([]uint8, h.width*4)}
	if h.key != nil {
		rows.alpha = make([]uint8, h.width*4)
	}
	size := (h.width*h.bits() + 7) / 8
	rows.cur, rows.prev = make([]uint8, size), make([]uint8, size)
	for _, p := range passes {
		if err := rows.pass(p, to); err != nil {
			return pngError(err)
		}
	}
	// The stream's own checksum follows the last pixel. A file that ends before it is whole for Pillow.
	if _, err := z.Read(make([]byte, 1)); errors.Is(err, zlib.ErrChecksum) {
		return pngError(err)
	}
	return nil
}

func pngError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("png: truncated: the pixels end early")
	}
	return fmt.Errorf("png: %w", err)
}

// pngRows is the state of decoding rows.
type pngRows struct {
	*pngHeader
	from      io.Reader
	cur, prev []uint8
	line      []uint8 // a row in the file's mode
	alpha     []uint8 // the same with alpha
}

// pass reads the rows of a pass.
func (r *pngRows) pass(p pngPass, to *canvas) error {
	width := (r.width - p.x + p.dx - 1) / p.dx
	if width <= 0 {
		return nil
	}
	size := (width*r.bits() + 7) / 8
	cur, prev := r.cur[:size], r.prev[:size]
	clear(prev)
	var filter [1]byte
	for y := p.y; y < r.height; y += p.dy {
		if _, err := io.ReadFull(r.from, filter[:]); err != nil {
			return err
		}
		if _, err := io.ReadFull(r.from, cur); err != nil {
			return err
		}
		if err := unfilter(filter[0], cur, prev, (r.bits()+7)/8); err != nil {
			return err
		}
		if line := r.convert(cur, width, to); p.dx == 1 {
			to.row(y, line)
		} else {
			to.spaced(y, p.x, p.dx, line)
		}
		cur, prev = prev, cur
	}
	return nil
}

// unfilter undoes a row's filter; n is the distance of a pixel to the one on its left.
func unfilter(filter byte, cur, prev []uint8, n int) error {
	switch filter {
	case 0:
	case 1:
		for i := n; i < len(cur); i++ {
			cur[i] += cur[i-n]
		}
	case 2:
		prev = prev[:len(cur)]
		for i, v := range prev {
			cur[i] += v
		}
	case 3:
		for i := range cur {
			left := 0
			if i >= n {
				left = int(cur[i-n])
			}
			cur[i] += uint8((left + int(prev[i])) / 2)
		}
	case 4:
		unPaeth(cur, prev, n)
	default:
		return fmt.Errorf("corrupt: row filter %d", filter)
	}
	return nil
}

// unPaeth adds the neighbour, of left, above and above left, that is nearest to left + above - above left.
func unPaeth(cur, prev []uint8, n int) {
	for c := range min(n, len(cur)) { // one channel at a time, so that its neighbours stay in registers
		left, corner := 0, 0
		for i := c; i < len(cur); i += n {
			above := int(prev[i])
			toLeft, toAbove := above-corner, left-corner
			toCorner := abs(toLeft + toAbove)
			toLeft, toAbove = abs(toLeft), abs(toAbove)
			switch {
			case toLeft <= toAbove && toLeft <= toCorner:
			case toAbove <= toCorner:
				left = above
			default:
				left = corner
			}
			left = int(uint8(left + int(cur[i])))
			cur[i] = uint8(left)
			corner = above
		}
	}
}

func abs(v int) int {
	mask := v >> 63
	return (v ^ mask) - mask
}

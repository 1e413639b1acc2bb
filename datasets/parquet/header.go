package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// pageRef is what the header of a page says, and where the page is.
type pageRef struct {
	at               int64 // in the file, behind the header
	packed, unpacked int   // bytes
	values           int   // with nulls
	encoding         format.Encoding
	kind             format.PageType
	repetition       int // bytes of the levels of a page of version 2
	definition       int
	stored           bool // of version 2: its values are not compressed
	crc              uint32
	summed           bool
	bitPacked        bool // levels in a form that isn't read

	first int64 // row of the file that is the first to begin in the page
	rows  int64 // that begin in it
}

// What a page may claim. Writers make pages of about a megabyte, but don't look before they have written 1,024 pictures; these hardly
// compress. A page of one repeated text is small in the file.
const (
	pageBytes  = 1 << 30 // unpacked
	pageSmall  = 64 << 20
	pageRatio  = 32 // of unpacked to packed bytes, beyond pageSmall
	pageValues = 4 << 20
)

// check compares what the header claims with the bytes that are left of the column.
func (p *pageRef) check(left int64) error {
	most := min(pageBytes, max(pageSmall, pageRatio*p.packed))
	if p.packed < 0 || int64(p.packed) > left || p.unpacked < 0 || p.unpacked > most || p.values < 0 || p.values > pageValues {
		return fmt.Errorf("a page of %d bytes claims %d bytes and %d values", p.packed, p.unpacked, p.values)
	}
	if levels := p.repetition + p.definition; p.repetition < 0 || p.definition < 0 || levels > min(p.packed, p.unpacked) {
		return errors.New("a page is smaller than its levels")
	}
	return nil
}

// Bytes that are read to find the header of a page. Statistics can make it long.
const (
	headerBytes = 512
	headerLimit = 1 << 20
)

// readHeader reads the header at a place. The chunk ends at end.
func readHeader(file io.ReaderAt, at, end int64) (pageRef, error) {
	for size := int64(headerBytes); ; size *= 8 {
		size = min(size, end-at)
		data := make([]byte, size)
		if n, err := file.ReadAt(data, at); int64(n) < size {
			return pageRef{}, err
		}
		p, n, err := parseHeader(data)
		if errors.Is(err, errEnds) && size < min(headerLimit, end-at) {
			continue
		}
		if err != nil {
			return pageRef{}, fmt.Errorf("header of a page: %w", err)
		}
		p.at = at + int64(n)
		return p, p.check(end - p.at)
	}
}

// parseHeader reads a header and returns its length.
func parseHeader(data []byte) (p pageRef, n int, err error) {
	c := compact{data: data}
	c.fields(func(id int, kind byte) {
		switch id {
		case 1:
			p.kind = format.PageType(c.int())
		case 2:
			p.unpacked = int(c.int())
		case 3:
			p.packed = int(c.int())
		case 4:
			p.crc, p.summed = uint32(c.int()), true
		case 5, 7:
			p.version1(&c)
		case 8:
			p.version2(&c)
		default:
			c.skip(kind)
		}
	})
	return p, c.at, c.err
}

// version1 reads the header of a page of data of version 1, or that of a dictionary, whose first two fields are the same.
func (p *pageRef) version1(c *compact) {
	const bitPacked = int64(format.BitPacked)
	c.fields(func(id int, kind byte) {
		switch id {
		case 1:
			p.values = int(c.int())
		case 2:
			p.encoding = format.Encoding(c.int())
		case 3, 4:
			if kind != kindI32 { // of dictionaries: whether it is sorted
				c.skip(kind)
			} else if c.int() == bitPacked {
				p.bitPacked = true
			}
		default:
			c.skip(kind)
		}
	})
}

func (p *pageRef) version2(c *compact) {
	c.fields(func(id int, kind byte) {
		switch id {
		case 1:
			p.values = int(c.int())
		case 3:
			p.rows = c.int()
		case 4:
			p.encoding = format.Encoding(c.int())
		case 5:
			p.definition = int(c.int())
		case 6:
			p.repetition = int(c.int())
		case 7:
			p.stored = kind == kindFalse
		default:
			c.skip(kind)
		}
	})
}

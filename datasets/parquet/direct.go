package parquet

import (
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// direct says where the bytes of a page's values are in the file, so that a value can be read without its page.
type direct struct {
	at       int64    // of the part of the page that was compressed as one
	unpacked int      // bytes of it
	before   uint32   // of them, those before what the spans count from
	blocks   []uint32 // where each block of Snappy begins, and the last ends; nil: it isn't compressed
}

// What is worth it: remembering a value takes eight bytes.
const (
	directPage  = 256 << 10 // bytes of a page
	directValue = 1 << 10   // bytes of a value, on average
)

// thinned is the page without its bytes; nil if its values can't be read one by one, or are small.
func (p *page) thinned(body []byte, ref pageRef, codec format.CompressionCodec) *page {
	if !p.plain || ref.unpacked < directPage || len(p.spans)*directValue > ref.unpacked {
		return nil
	}
	d := &direct{at: ref.at, unpacked: ref.unpacked, before: uint32(p.before)}
	if ref.kind == format.DataPageV2 {
		levels := ref.repetition + ref.definition
		d.at, d.unpacked, body = d.at+int64(levels), d.unpacked-levels, body[levels:]
		if ref.stored {
			codec = format.Uncompressed
		}
	}
	switch codec {
	case format.Uncompressed:
	case format.Snappy:
		if d.blocks = snappyBlocks(body, d.unpacked); d.blocks == nil {
			return nil
		}
	default:
		return nil
	}
	thin := *p
	thin.data, thin.direct = nil, d
	return &thin
}

// read reads a value alone.
func (d *direct) read(file io.ReaderAt, s span) ([]byte, error) {
	from, to := s.from+d.before, s.to+d.before
	if d.blocks == nil {
		return readAt(file, d.at+int64(from), int(to-from))
	}
	first, last := from/blockBytes, (to+blockBytes-1)/blockBytes
	begin := first * blockBytes
	if first >= last { // an empty value
		return []byte{}, nil
	}
	packed, err := readAt(file, d.at+int64(d.blocks[first]), int(d.blocks[last]-d.blocks[first]))
	if err != nil {
		return nil, err
	}
	data, err := unpackBlocks(packed, min(int(last)*blockBytes, d.unpacked)-int(begin))
	if err != nil {
		return nil, err
	}
	return data[from-begin : to-begin : to-begin], nil
}

// readAt reads size bytes.
func readAt(file io.ReaderAt, at int64, size int) ([]byte, error) {
	out := make([]byte, size)
	if n, err := file.ReadAt(out, at); n < size {
		return nil, err
	}
	return out, nil
}

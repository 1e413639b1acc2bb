package parquet

import (
	"encoding/binary"
	"errors"
)

// blockBytes is the number of bytes that writers of Snappy compress by themselves.
const blockBytes = 1 << 16

// snappyBlocks finds out where each block of unpacked bytes begins in data, and where the last ends. It is nil if the data isn't made of
// such blocks.
func snappyBlocks(data []byte, size int) []uint32 {
	claimed, at := binary.Uvarint(data)
	if at <= 0 || claimed != uint64(size) {
		return nil
	}
	blocks := make([]uint32, 0, size/blockBytes+2)
	for done := 0; at < len(data); {
		if done%blockBytes == 0 {
			blocks = append(blocks, uint32(at))
		}
		e, ok := readElement(data[at:])
		inside := done % blockBytes
		if !ok || inside+e.length > blockBytes || e.copied > inside || done+e.length > size {
			return nil
		}
		done += e.length
		at += e.bytes
	}
	return append(blocks, uint32(len(data)))
}

// element is a literal or a copy of earlier bytes.
type element struct {
	length int // of unpacked bytes
	copied int // how far back they are; 0: a literal
	head   int // bytes before a literal's
	bytes  int // in the data
}

func readElement(data []byte) (e element, ok bool) {
	tag := int(data[0])
	var extra int
	switch tag & 3 {
	case 0:
		extra = max(0, tag>>2-59)
	default:
		extra = [4]int{0, 1, 2, 4}[tag&3]
	}
	if len(data) <= extra {
		return e, false
	}
	number := 0
	for i := range extra {
		number |= int(data[1+i]) << (8 * i)
	}
	e.head = 1 + extra
	switch tag & 3 {
	case 0:
		if extra == 0 {
			number = tag >> 2
		}
		e.length = number + 1
		e.bytes = e.head + e.length
		return e, e.bytes <= len(data)
	case 1:
		e.length, e.copied = tag>>2&7+4, tag>>5<<8|number
	default:
		e.length, e.copied = tag>>2+1, number
	}
	e.bytes = e.head
	return e, e.copied > 0
}

var errBlock = errors.New("a page can't be unpacked: it has changed since it was first read")

// unpackBlocks decompresses blocks that snappyBlocks found to size bytes.
func unpackBlocks(data []byte, size int) ([]byte, error) {
	out := make([]byte, 0, size)
	for len(data) > 0 {
		e, ok := readElement(data)
		if !ok || len(out)+e.length > size || e.copied > len(out) {
			return nil, errBlock
		}
		if e.copied == 0 {
			out = append(out, data[e.head:e.bytes]...)
		} else {
			for range e.length {
				out = append(out, out[len(out)-e.copied])
			}
		}
		data = data[e.bytes:]
	}
	if len(out) != size {
		return nil, errBlock
	}
	return out, nil
}

package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// span is where a value is in the bytes of its page.
type span struct{ from, to uint32 }

// page is a decoded page, or a dictionary. Each level is a place in it: a row of a column that has one value a row, or an element, or an
// empty list.
type page struct {
	levels int
	lead   int     // levels before the first row that begins in the page
	starts []int32 // the levels at which rows begin; nil: at each
	value  []int32 // of each level, the index of its value, or -1; nil: its own number

	data  []byte
	spans []span   // of texts and bytes
	ints  []int64  // of integers
	ids   []uint32 // of values in the dictionary; nil: the values are here

	plain  bool // the values are in the unpacked page as they are
	before int  // bytes of the unpacked page before data
	direct *direct
}

// bytes is about the memory that a page takes.
func (p *page) bytes() int64 {
	return int64(len(p.data) + 8*len(p.spans) + 8*len(p.ints) + 4*(len(p.ids)+len(p.value)+len(p.starts)) + 200)
}

// decode makes a page of its bytes in the file.
func (l leaf) decode(body []byte, ref pageRef, codec format.CompressionCodec) (*page, error) {
	if ref.summed && crc32.ChecksumIEEE(body) != ref.crc {
		return nil, errors.New("the checksum of a page doesn't match its bytes")
	}
	if ref.kind == format.DictionaryPage {
		data, err := unpack(body, codec, ref.unpacked)
		if err != nil {
			return nil, err
		}
		p := &page{}
		return p, l.plain(p, data, 0, ref.values)
	}
	repetition, definition, data, before, err := l.split(body, ref, codec)
	if err != nil {
		return nil, err
	}
	p := &page{levels: ref.values}
	if err := l.places(p, repetition, definition); err != nil {
		return nil, err
	}
	n := p.levels
	if p.value != nil {
		n = int(slices.Max(append(p.value, -1))) + 1 // the values are numbered in order
	}
	return p, l.values(p, data, before, ref.encoding, n)
}

// split unpacks a page and separates the levels from the values, which begin after some bytes of the unpacked page.
func (l leaf) split(body []byte, ref pageRef, codec format.CompressionCodec) (rep, def, data []byte, before int, err error) {
	if ref.kind == format.DataPageV2 {
		before = ref.repetition + ref.definition
		rep, def, data = body[:ref.repetition], body[ref.repetition:before], body[before:]
		if ref.stored {
			codec = format.Uncompressed
		}
		data, err = unpack(data, codec, ref.unpacked-before)
		return rep, def, data, 0, err
	}
	if ref.kind != format.DataPage || ref.bitPacked {
		return nil, nil, nil, 0, fmt.Errorf("a page of kind %v, or its levels, can't be read", ref.kind)
	}
	if data, err = unpack(body, codec, ref.unpacked); err != nil {
		return nil, nil, nil, 0, err
	}
	all := len(data)
	for _, part := range []struct {
		to   *[]byte
		have bool
	}{{&rep, l.repeated > 0}, {&def, l.definable > 0}} {
		if !part.have {
			continue
		}
		if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
			return nil, nil, nil, 0, errValues
		}
		n := binary.LittleEndian.Uint32(data)
		*part.to, data = data[4:4+n], data[4+n:]
	}
	return rep, def, data, all - len(data), nil
}

// places finds out which levels begin rows and which have values.
func (l leaf) places(p *page, repetition, definition []byte) error {
	defined, err := levels(definition, l.definable, p.levels)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(defined, func(d uint32) bool { return int(d) < l.definable }) {
		p.value = make([]int32, p.levels)
		next := int32(0)
		for i, d := range defined {
			p.value[i] = -1
			if int(d) == l.definable {
				p.value[i] = next
				next++
			}
		}
	}
	repeated, err := levels(repetition, l.repeated, p.levels)
	if err != nil || l.repeated == 0 {
		return err
	}
	p.lead, p.starts = p.levels, []int32{}
	for i, r := range repeated {
		if r > 0 {
			continue
		}
		if len(p.starts) == 0 {
			p.lead = i
		}
		p.starts = append(p.starts, int32(i))
	}
	return nil
}

// rows is the number of rows that begin in the page.
func (p *page) rows() int {
	if p.starts != nil {
		return len(p.starts)
	}
	return p.levels
}

// row is the range of levels of a row that begins in the page.
func (p *page) row(i int) (from, to int) {
	switch {
	case p.starts == nil:
		return i, i + 1
	case i+1 < len(p.starts):
		return int(p.starts[i]), int(p.starts[i+1])
	}
	return int(p.starts[i]), p.levels
}

// at is the index of a level's value, or -1.
func (p *page) at(level int) int {
	if p.value == nil {
		return level
	}
	return int(p.value[level])
}

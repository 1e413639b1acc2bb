package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// values decodes n values of a page. data begins after some bytes of the unpacked page.
func (l leaf) values(p *page, data []byte, before int, encoding format.Encoding, n int) (err error) {
	text := l.physical == format.ByteArray
	switch encoding {
	case format.Plain:
		return l.plain(p, data, before, n)
	case format.RLEDictionary, format.PlainDictionary:
		if n == 0 {
			p.ids = []uint32{}
			return nil
		}
		if len(data) == 0 {
			return errValues
		}
		p.ids, err = hybrid(data[1:], int(data[0]), n)
		return err
	case format.RLE: // of booleans alone, behind the number of its bytes
		if l.physical != format.Boolean || len(data) < 4 {
			break
		}
		bits, err := hybrid(data[4:], 1, n)
		p.truths(bits)
		return err
	case format.DeltaBinaryPacked:
		if text || l.real() {
			break
		}
		p.ints, _, err = deltas(data, n)
		return exactly(len(p.ints), n, err)
	case format.DeltaLengthByteArray:
		if !text {
			break
		}
		lengths, rest, err := deltas(data, n)
		if err := exactly(len(lengths), n, err); err != nil {
			return err
		}
		p.plain, p.before = true, before+len(data)-len(rest)
		return p.cut(rest, lengths)
	case format.DeltaByteArray:
		if !text {
			break
		}
		return p.shared(data, n)
	}
	return fmt.Errorf("the encoding %v of a page is not supported", encoding)
}

func exactly(have, want int, err error) error {
	if err == nil && have != want {
		err = errValues
	}
	return err
}

// plain finds n values that are written one after the other.
func (l leaf) plain(p *page, data []byte, before, n int) error {
	size := 8
	switch l.physical {
	case format.ByteArray:
		return p.prefixed(data, before, n)
	case format.Boolean:
		if n > 8*len(data) {
			return errValues
		}
		p.truths(unpackBits(make([]uint32, 0, n), data, 1, n))
		return nil
	case format.Int32, format.Float:
		size = 4
	case format.Int64, format.Double:
	default:
		return fmt.Errorf("values of type %v are not read", l.physical)
	}
	if n > len(data)/size {
		return errValues
	}
	p.ints = make([]int64, n)
	for i := range p.ints {
		if size == 4 {
			p.ints[i] = int64(int32(binary.LittleEndian.Uint32(data[4*i:])))
		} else {
			p.ints[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	}
	return nil // the bits of numbers with fractions are kept as they are: see Reader.Reals
}

// truths are booleans as integers.
func (p *page) truths(bits []uint32) {
	p.ints = make([]int64, len(bits))
	for i, bit := range bits {
		p.ints[i] = int64(bit)
	}
}

// prefixed finds n values that begin with their length.
func (p *page) prefixed(data []byte, before, n int) error {
	if n > len(data)/4 {
		return errValues
	}
	p.data, p.spans, p.plain, p.before = data, make([]span, n), true, before
	at := 0
	for i := range p.spans {
		if len(data)-at < 4 {
			return errValues
		}
		size := int(binary.LittleEndian.Uint32(data[at:]))
		if at += 4; size > len(data)-at {
			return errValues
		}
		p.spans[i] = span{uint32(at), uint32(at + size)}
		at += size
	}
	return nil
}

// cut finds values by their lengths.
func (p *page) cut(data []byte, lengths []int64) error {
	p.data, p.spans = data, make([]span, len(lengths))
	at := int64(0)
	for i, n := range lengths {
		if n < 0 || n > int64(len(data))-at {
			return errValues
		}
		p.spans[i] = span{uint32(at), uint32(at + n)}
		at += n
	}
	return nil
}

// shared decodes values that have their beginnings in common with the value before. Together they can be much longer than the page.
func (p *page) shared(data []byte, n int) error {
	prefixes, rest, err := deltas(data, n)
	if err := exactly(len(prefixes), n, err); err != nil {
		return err
	}
	lengths, rest, err := deltas(rest, n)
	if err := exactly(len(lengths), n, err); err != nil {
		return err
	}
	var last span
	for i, length := range lengths {
		prefix := prefixes[i]
		if prefix < 0 || prefix > int64(last.to-last.from) || length < 0 || length > int64(len(rest)) {
			return errValues
		}
		from := len(p.data)
		if int64(from)+prefix+length > pageSmall {
			return fmt.Errorf("the values of a page have more than %d bytes", pageSmall)
		}
		p.data = append(p.data, p.data[last.from:int64(last.from)+prefix]...)
		p.data = append(p.data, rest[:length]...)
		rest = rest[length:]
		last = span{uint32(from), uint32(len(p.data))}
		p.spans = append(p.spans, last)
	}
	return nil
}

package parquet

import (
	"encoding/binary"
	"errors"
)

// compact reads Thrift's compact protocol, in which footers and headers of pages are written. The first error ends it: what is read after
// it is zero.
type compact struct {
	data  []byte
	at    int
	depth int
	err   error
}

// The kinds of values.
const (
	kindTrue, kindFalse, kindByte = 1, 2, 3
	kindI16, kindI32, kindI64     = 4, 5, 6
	kindDouble, kindBytes         = 7, 8
	kindList, kindSet             = 9, 10
	kindMap, kindStruct           = 11, 12
	mostDepth                     = 32
	longList                      = 15 // elements of a short one are counted in its first byte
)

var (
	errEnds  = errors.New("it ends in the middle of a value")
	errShape = errors.New("it is not in Parquet's form")
)

func (c *compact) fail(err error) {
	if c.err == nil {
		c.err, c.at = err, len(c.data)
	}
}

func (c *compact) byte() byte {
	if c.at >= len(c.data) {
		c.fail(errEnds)
		return 0
	}
	c.at++
	return c.data[c.at-1]
}

func (c *compact) uvarint() uint64 {
	v, n := binary.Uvarint(c.data[c.at:])
	switch {
	case n == 0:
		c.fail(errEnds)
		return 0
	case n < 0:
		c.fail(errShape)
		return 0
	}
	c.at += n
	return v
}

// int is an integer of any width.
func (c *compact) int() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (c *compact) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.data)-c.at) {
		c.fail(errEnds)
		return nil
	}
	c.at += int(n)
	return c.data[c.at-int(n) : c.at]
}

func (c *compact) text() string { return string(c.bytes()) }

// fields reads a struct. field reads a field's value, or calls skip.
func (c *compact) fields(field func(id int, kind byte)) {
	if c.depth++; c.depth > mostDepth {
		c.fail(errShape)
	}
	for id := 0; c.err == nil; {
		head := c.byte()
		if head == 0 {
			break
		}
		if head>>4 != 0 {
			id += int(head >> 4)
		} else {
			id = int(c.int())
		}
		field(id, head&15)
	}
	c.depth--
}

// list reads a list or a set. element reads one element, or calls skip. Each has at least one byte.
func (c *compact) list(element func(kind byte)) {
	if c.depth++; c.depth > mostDepth {
		c.fail(errShape)
	}
	head := c.byte()
	n := uint64(head >> 4)
	if n == longList {
		n = c.uvarint()
	}
	if n > uint64(len(c.data)-c.at) {
		c.fail(errEnds)
	}
	for ; n > 0 && c.err == nil; n-- {
		element(head & 15)
	}
	c.depth--
}

// structs reads a list of structs. Lists of something else are an error.
func (c *compact) structs(one func()) {
	c.list(func(kind byte) {
		if kind != kindStruct {
			c.fail(errShape)
			return
		}
		one()
	})
}

// skip passes over a value of a field.
func (c *compact) skip(kind byte) {
	switch kind {
	case kindTrue, kindFalse: // in the field's head
	case kindByte:
		c.byte()
	case kindI16, kindI32, kindI64:
		c.uvarint()
	case kindDouble:
		for range 8 {
			c.byte()
		}
	case kindBytes:
		c.bytes()
	case kindList, kindSet:
		c.list(c.skipElement)
	case kindStruct:
		c.fields(func(_ int, kind byte) { c.skip(kind) })
	default: // Parquet has no maps
		c.fail(errShape)
	}
}

// skipElement passes over an element of a list, where a bool has a byte of its own.
func (c *compact) skipElement(kind byte) {
	if kind == kindTrue || kind == kindFalse {
		kind = kindByte
	}
	c.skip(kind)
}

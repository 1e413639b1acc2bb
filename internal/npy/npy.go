// Package npy reads numpy's .npy files: the header, and vectors of numbers.
package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"clipgo/internal/half"
)

// Header is what a .npy file says of its numbers.
type Header struct {
	Type    string // numpy's name, such as <f4
	Columns bool   // stored by column
	Shape   []int
	Start   int // where the numbers begin
}

var fields = regexp.MustCompile(`^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$`)

// ParseHeader reads the header of a whole .npy file of numpy's format 1.0 to 3.0.
func ParseHeader(data []byte) (Header, error) {
	text, start, err := headerText(data)
	if err != nil {
		return Header{}, err
	}
	m := fields.FindStringSubmatch(text)
	if m == nil {
		return Header{}, fmt.Errorf("header %.80q is not numpy's", text)
	}
	h := Header{Type: m[1], Columns: m[2] == "True", Start: start}
	sides := strings.TrimSuffix(strings.TrimSpace(m[3]), ",")
	if sides == "" {
		return h, nil
	}
	for side := range strings.SplitSeq(sides, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(side), 10, 40)
		if err != nil {
			return h, fmt.Errorf("shape (%s): %w", m[3], err)
		}
		h.Shape = append(h.Shape, int(n))
	}
	return h, nil
}

func headerText(data []byte) (text string, start int, err error) {
	if len(data) < 12 || !bytes.HasPrefix(data, []byte("\x93NUMPY")) {
		return "", 0, fmt.Errorf("not a .npy file")
	}
	length := int(binary.LittleEndian.Uint16(data[8:]))
	start = 10
	if data[6] > 1 {
		length, start = int(binary.LittleEndian.Uint32(data[8:])), 12
	}
	const most = 64 << 10 // numpy writes 118 bytes
	if data[6] < 1 || data[6] > 3 || length > min(most, len(data)-start) {
		return "", 0, fmt.Errorf("version %d with a header of %d bytes in %d", data[6], length, len(data))
	}
	return string(data[start : start+length]), start + length, nil
}

// Vector reads the numbers of a file with one dimension, of any of numpy's types of real numbers.
func Vector(data []byte) ([]float64, error) {
	h, err := ParseHeader(data)
	if err != nil {
		return nil, err
	}
	if len(h.Shape) != 1 {
		return nil, fmt.Errorf("it has %d dimensions, not one", len(h.Shape))
	}
	read, size := reader(h.Type)
	if read == nil {
		return nil, fmt.Errorf("entries are %.20q, not numbers", h.Type)
	}
	if rest := len(data) - h.Start; h.Shape[0] > rest || h.Shape[0]*size != rest {
		return nil, fmt.Errorf("%d bytes of numbers, but %d of type %s need %d", rest, h.Shape[0], h.Type, h.Shape[0]*size)
	}
	out := make([]float64, h.Shape[0])
	for i := range out {
		out[i] = read(data[h.Start+i*size:])
	}
	return out, nil
}

// reader reads an entry of a type, and is nil for others.
func reader(name string) (read func(b []byte) float64, size int) {
	if len(name) != 3 {
		return nil, 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if name[0] == '>' {
		order = binary.BigEndian
	}
	one := name[1:] == "b1" || name[1:] == "i1" || name[1:] == "u1"
	if !strings.ContainsRune("<>|=", rune(name[0])) || name[0] == '|' && !one {
		return nil, 0
	}
	switch name[1:] {
	case "b1", "u1":
		return func(b []byte) float64 { return float64(b[0]) }, 1
	case "i1":
		return func(b []byte) float64 { return float64(int8(b[0])) }, 1
	case "i2":
		return func(b []byte) float64 { return float64(int16(order.Uint16(b))) }, 2
	case "u2":
		return func(b []byte) float64 { return float64(order.Uint16(b)) }, 2
	case "f2":
		return func(b []byte) float64 { return float64(half.Float16(order.Uint16(b))) }, 2
	case "i4":
		return func(b []byte) float64 { return float64(int32(order.Uint32(b))) }, 4
	case "u4":
		return func(b []byte) float64 { return float64(order.Uint32(b)) }, 4
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }, 4
	case "i8":
		return func(b []byte) float64 { return float64(int64(order.Uint64(b))) }, 8
	case "u8":
		return func(b []byte) float64 { return float64(order.Uint64(b)) }, 8
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }, 8
	}
	return nil, 0
}

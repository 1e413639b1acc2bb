package search

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

// DType is how the entries of a table are stored.
type DType string

// The types of numpy that an index may hold.
const (
	Float16 DType = "float16"
	Float32 DType = "float32"
)

func (d DType) size() int {
	if d == Float16 {
		return 2
	}
	return 4
}

var npyDescr = map[DType]string{Float16: "<f2", Float32: "<f4"}

type npyHeader struct {
	dtype            DType
	rows, dim, start int
}

var npyFields = regexp.MustCompile(`^\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([0-9, ]*)\),?\s*\}\s*$`)

// parseNpy reads the header of a whole .npy file (numpy's format 1.0 to 3.0) and checks that the size fits it.
func parseNpy(data []byte) (npyHeader, error) {
	text, start, err := npyText(data)
	if err != nil {
		return npyHeader{}, err
	}
	m := npyFields.FindStringSubmatch(text)
	if m == nil {
		return npyHeader{}, fmt.Errorf("header %.80q is not numpy's", text)
	}
	h := npyHeader{start: start}
	switch {
	case m[1] == npyDescr[Float16]:
		h.dtype = Float16
	case m[1] == npyDescr[Float32]:
		h.dtype = Float32
	default:
		return h, fmt.Errorf("entries are %q, not float16 or float32", m[1])
	}
	if m[2] == "True" {
		return h, fmt.Errorf("rows are stored by column")
	}
	sides := strings.Split(strings.TrimSuffix(strings.TrimSpace(m[3]), ","), ",")
	if len(sides) != 2 {
		return h, fmt.Errorf("shape (%s) has not two sides", m[3])
	}
	for i, side := range []*int{&h.rows, &h.dim} {
		n, err := strconv.ParseInt(strings.TrimSpace(sides[i]), 10, 40)
		if err != nil {
			return h, fmt.Errorf("shape (%s): %w", m[3], err)
		}
		*side = int(n)
	}
	return h, h.check(len(data))
}

func npyText(data []byte) (text string, start int, err error) {
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

func (h npyHeader) check(size int) error {
	const most = 1 << 20 // of a row
	if h.dim < 1 || h.dim > most {
		return fmt.Errorf("rows of %d entries", h.dim)
	}
	if want := h.rows*h.dim*h.dtype.size() + h.start; want != size {
		return fmt.Errorf("%d bytes, but %d rows of %d %s need %d", size, h.rows, h.dim, h.dtype, want)
	}
	if h.start%h.dtype.size() != 0 {
		return fmt.Errorf("entries begin at byte %d, not aligned", h.start)
	}
	return nil
}

// encodeNpy writes rows [n, dim] as numpy would, the header padded so that the entries begin at a multiple of 64.
func encodeNpy(rows []float32, dim int, dtype DType) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", npyDescr[dtype], len(rows)/dim, dim)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	out := make([]byte, 0, 10+len(head)+len(rows)*dtype.size())
	out = append(out, "\x93NUMPY\x01\x00"...)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(head)))
	out = append(out, head...)
	start := len(out)
	out = out[:start+len(rows)*dtype.size()]
	for i, v := range rows {
		if dtype == Float16 {
			binary.LittleEndian.PutUint16(out[start+2*i:], half.ToFloat16(v))
		} else {
			binary.LittleEndian.PutUint32(out[start+4*i:], math.Float32bits(v))
		}
	}
	return out
}

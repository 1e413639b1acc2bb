package search

import (
	"encoding/binary"
	"fmt"
	"math"

	"clipgo/internal/half"
	"clipgo/internal/npy"
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

// parseNpy reads the header of a whole .npy file and checks that the size fits it.
func parseNpy(data []byte) (npyHeader, error) {
	head, err := npy.ParseHeader(data)
	if err != nil {
		return npyHeader{}, err
	}
	h := npyHeader{start: head.Start}
	switch head.Type {
	case npyDescr[Float16]:
		h.dtype = Float16
	case npyDescr[Float32]:
		h.dtype = Float32
	default:
		return h, fmt.Errorf("entries are %q, not float16 or float32", head.Type)
	}
	if head.Columns {
		return h, fmt.Errorf("rows are stored by column")
	}
	if len(head.Shape) != 2 {
		return h, fmt.Errorf("shape %v has not two sides", head.Shape)
	}
	h.rows, h.dim = head.Shape[0], head.Shape[1]
	return h, h.check(len(data))
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

// encodeNpy writes rows [n, dim] as numpy would.
func encodeNpy(rows []float32, dim int, dtype DType) []byte {
	head := npy.MatrixHead(npyDescr[dtype], len(rows)/dim, dim)
	start := len(head)
	out := make([]byte, start+len(rows)*dtype.size())
	copy(out, head)
	for i, v := range rows {
		if dtype == Float16 {
			binary.LittleEndian.PutUint16(out[start+2*i:], half.ToFloat16(v))
		} else {
			binary.LittleEndian.PutUint32(out[start+4*i:], math.Float32bits(v))
		}
	}
	return out
}

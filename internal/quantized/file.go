package quantized

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// Digest is a SHA-256.
type Digest = [sha256.Size]byte

// header is the beginning of the file form, in little-endian order. The scales, the losses and the codes follow.
type header struct {
	Magic   [8]byte
	Version uint32
	Dim     uint32
	Rows    uint64
	Longest float64
	Source  Digest // of the file that the rows were made from
	Body    Digest // of what follows
}

var magic = [8]byte{'c', 'l', 'i', 'p', 'g', 'o', 'i', '8'}

// headerSize leaves the codes at a multiple of 64.
const (
	version    = 1
	headerSize = 128
)

// MaxDim is the largest number of entries whose products fit into 32 bits.
const MaxDim = 1 << 16

// ErrSource is rows that were made from another file than the one asked for.
var ErrSource = errors.New("quantized: made from another file")

// Encode is the file form of rows that were made from a file with a digest.
func (r *Rows) Encode(source Digest) []byte {
	body := make([]byte, 8*r.N, size(r.N, r.Dim)-headerSize)
	for i := range r.N {
		binary.LittleEndian.PutUint32(body[4*i:], math.Float32bits(r.scale[i]))
		binary.LittleEndian.PutUint32(body[4*(r.N+i):], math.Float32bits(r.lost[i]))
	}
	body = append(body, r.codes...)
	return file(header{magic, version, uint32(r.Dim), uint64(r.N), r.Longest, source, sha256.Sum256(body)}, body)
}

func file(h header, body []byte) []byte {
	var b bytes.Buffer
	b.Grow(headerSize + len(body))
	_ = binary.Write(&b, binary.LittleEndian, h) // a buffer takes all
	b.Write(make([]byte, headerSize-b.Len()))
	b.Write(body)
	return b.Bytes()
}

func size(rows, dim int) int { return headerSize + rows*(8+padded(dim)) }

// Decode reads the file form without copying it: data must stay as it is, begin at a multiple of 4, and belong to rows [n, dim] of a file
// with the digest source; ErrSource where it was made from another one.
func Decode(data []byte, source Digest, n, dim int) (*Rows, error) {
	h, err := parse(data, magic)
	if err != nil {
		return nil, err
	}
	if err := h.belongs(source, n, dim, len(data) == size(n, dim)); err != nil {
		return nil, err
	}
	if !(h.Longest >= 0 && h.Longest <= math.MaxFloat32) {
		return nil, fmt.Errorf("quantized: a row has length %v", h.Longest)
	}
	r := &Rows{N: n, Dim: dim, Longest: h.Longest, stride: padded(dim), kernel: kernels()[0]}
	if n == 0 {
		return r, nil
	}
	floats := unsafe.Slice((*float32)(unsafe.Pointer(&data[headerSize])), 2*n)
	r.scale, r.lost, r.codes = floats[:n], floats[n:], data[headerSize+8*n:]
	return r, nil
}

// Verify compares the file form of Rows with its own digest.
func Verify(data []byte) error { return verify(data, magic) }

func verify(data []byte, magic [8]byte) error {
	h, err := parse(data, magic)
	if err == nil && sha256.Sum256(data[headerSize:]) != h.Body {
		err = errors.New("quantized: its SHA-256 is not the one that it has")
	}
	return err
}

// belongs reports whether a file is that of rows [n, dim] of a source; fits: it has the size of their file.
func (h header) belongs(source Digest, n, dim int, fits bool) error {
	if h.Source != source {
		return ErrSource
	}
	if h.Rows != uint64(n) || h.Dim != uint32(dim) || dim > MaxDim || !fits {
		return fmt.Errorf("quantized: the file of %d rows of %d is not one of %d rows of %d", h.Rows, h.Dim, n, dim)
	}
	return nil
}

func parse(data []byte, magic [8]byte) (h header, err error) {
	if len(data) < headerSize {
		return h, errors.New("quantized: the file is too short")
	}
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, &h); err != nil {
		return h, err
	}
	if h.Magic != magic || h.Version != version {
		return h, errors.New("quantized: another kind of file, or another version")
	}
	return h, nil
}

package quantized

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"unsafe"
)

var bitsMagic = [8]byte{'c', 'l', 'i', 'p', 'g', 'o', 'b', '1'}

// Encode is the file form of rows that were made from a file with a digest: the header of Rows, the codes, the centre and the scales.
func (b *Bits) Encode(source Digest) []byte {
	body := make([]byte, 0, bitsSize(b.N, b.Dim)-headerSize)
	for _, w := range b.codes {
		body = binary.LittleEndian.AppendUint64(body, w)
	}
	for _, list := range [][]float32{b.centre, b.scale} {
		for _, v := range list {
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
		}
	}
	return file(header{bitsMagic, version, uint32(b.Dim), uint64(b.N), 0, source, sha256.Sum256(body)}, body)
}

func bitsSize(rows, dim int) int { return headerSize + rows*(padded(dim)/8+4) + 4*dim }

// DecodeBits reads the file form without copying it, as Decode does. data must begin at a multiple of 8.
func DecodeBits(data []byte, source Digest, n, dim int) (*Bits, error) {
	h, err := parse(data, bitsMagic)
	if err != nil {
		return nil, err
	}
	if err := h.belongs(source, n, dim, dim > 0 && len(data) == bitsSize(n, dim)); err != nil {
		return nil, err
	}
	b := &Bits{N: n, Dim: dim, words: padded(dim) / 64, turn: newRotation(padded(dim)), counter: counters()[0]}
	if n == 0 {
		b.centre = make([]float32, dim)
		return b, nil
	}
	b.codes = unsafe.Slice((*uint64)(unsafe.Pointer(&data[headerSize])), n*b.words)
	floats := unsafe.Slice((*float32)(unsafe.Pointer(&data[headerSize+8*n*b.words])), dim+n)
	b.centre, b.scale = floats[:dim], floats[dim:]
	for _, v := range b.centre {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) { // no row would be found
			return nil, errors.New("quantized: the centre of the rows is not finite")
		}
	}
	return b, nil
}

// VerifyBits compares the file form of Bits with its own digest.
func VerifyBits(data []byte) error { return verify(data, bitsMagic) }

package npy

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Matrix reads the numbers of a file with two dimensions, row by row, of any of numpy's types of real numbers.
func Matrix(data []byte) (values []float64, rows, columns int, err error) {
	h, err := ParseHeader(data)
	if err != nil {
		return nil, 0, 0, err
	}
	if len(h.Shape) != 2 || h.Columns && h.Shape[0] > 1 && h.Shape[1] > 1 {
		return nil, 0, 0, fmt.Errorf("it is no matrix that is stored row by row")
	}
	rows, columns = h.Shape[0], h.Shape[1]
	read, size := reader(h.Type)
	if read == nil {
		return nil, 0, 0, fmt.Errorf("entries are %.20q, not numbers", h.Type)
	}
	rest := len(data) - h.Start
	if n := rest / size; rows > n || columns > n || rows*columns*size != rest {
		return nil, 0, 0, fmt.Errorf("%d bytes of numbers for %d rows of %d of type %s", rest, rows, columns, h.Type)
	}
	values = make([]float64, rows*columns)
	for i := range values {
		values[i] = read(data[h.Start+i*size:])
	}
	return values, rows, columns, nil
}

// MatrixHead is what numpy writes before the entries of a matrix stored row by row. kind is numpy's name of their type, such as <f4.
// Entries begin at a multiple of 64.
func MatrixHead(kind string, rows, columns int) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", kind, rows, columns)
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	out := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
	return append(out, head...)
}

// EncodeMatrix writes values [rows, columns] as numpy does.
func EncodeMatrix(values []float32, rows, columns int) []byte {
	out := MatrixHead("<f4", rows, columns)
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

package npy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// file is a .npy file of format 1.0 as numpy writes it.
func file(head string, numbers []byte) []byte {
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	out := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head)))
	return append(append(out, head...), numbers...)
}

func header(kind, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, shape)
}

func TestVectorsOfAllTypesAreRead(t *testing.T) {
	for kind, numbers := range map[string][]byte{
		"|b1": {1, 0, 1}, "|u1": {1, 0, 1}, "|i1": {1, 0, 1},
		"<i2": {1, 0, 0, 0, 1, 0}, ">i2": {0, 1, 0, 0, 0, 1}, "<u2": {1, 0, 0, 0, 1, 0}, "<f2": {0, 0x3c, 0, 0, 0, 0x3c},
		"<i4": {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, "<u4": {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0},
		"<f4": {0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0x80, 0x3f},
		"<i8": slices.Concat([]byte{1}, make([]byte, 15), []byte{1}, make([]byte, 7)),
		">u8": slices.Concat(make([]byte, 7), []byte{1}, make([]byte, 15), []byte{1}),
		"<f8": slices.Concat(make([]byte, 6), []byte{0xf0, 0x3f}, make([]byte, 14), []byte{0xf0, 0x3f}),
	} {
		got, err := Vector(file(header(kind, "3,"), numbers))
		if err != nil || !slices.Equal(got, []float64{1, 0, 1}) {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
	if got, err := Vector(file(header("<i8", "0,"), nil)); err != nil || len(got) != 0 {
		t.Errorf("an empty vector: %v, %v", got, err)
	}
}

func TestOtherFilesAreNoVectors(t *testing.T) {
	eight := make([]byte, 8)
	for want, data := range map[string][]byte{
		"not a .npy file": []byte("1 0 1 0 1 0 1 0"),
		"dimensions":      file(header("<i8", "1, 1"), eight),
		"0 dimensions":    file(header("<i8", ""), eight),
		"not numbers":     file(header("|O", "1,"), eight),
		"<U2":             file(header("<U2", "1,"), eight),
		"need 16":         file(header("<i8", "2,"), eight),
		"need 8":          file(header("<i8", "1,"), append(eight, 0)),
		"out of range":    file(header("<i8", "1099511627775,"), eight),
		"bytes of":        file(header("<i8", "549755813887,"), eight),
		"not numpy's":     file("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (1,), }", eight),
		"a header of":     []byte("\x93NUMPY\x01\x00\xff\xff{'descr'}"),
		"version 9":       append([]byte("\x93NUMPY\x09\x00"), eight...),
	} {
		if got, err := Vector(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}

func TestMatricesComeBack(t *testing.T) {
	data := EncodeMatrix([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	if (len(data)-24)%64 != 0 {
		t.Errorf("%d bytes", len(data))
	}
	values, rows, columns, err := Matrix(data)
	if err != nil || rows != 2 || columns != 3 || !slices.Equal(values, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v [%d, %d], %v", values, rows, columns, err)
	}
	for want, data := range map[string][]byte{
		"no matrix":   file(header("<i8", "1,"), make([]byte, 8)),
		"not numbers": file(header("|O", "1, 1"), make([]byte, 8)),
		"bytes of":    data[:len(data)-1],
		"for 0 rows":  file(header("<i8", "0, 7"), make([]byte, 8)),
		"not a .npy":  []byte("PK\x03\x04 and more of it"),
	} {
		if got, _, _, err := Matrix(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
}

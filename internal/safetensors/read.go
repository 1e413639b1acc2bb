// Package safetensors reads and writes the safetensors format: an 8-byte length, a JSON header, raw numbers.
//
// A file has only data: nothing in it is executed. A header that doesn't agree with the data is an error.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"clipgo/internal/mapped"
)

// DType is the format's name of a tensor's type.
type DType string

// The types of the format that clipgo uses.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size is the size of one number in bytes, 0 for an unknown type.
func (d DType) Size() int64 {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16, I16:
		return 2
	case I8, U8, Bool:
		return 1
	default:
		return 0
	}
}

// Tensor is a named array. Data is little endian and row-major.
type Tensor struct {
	Name  string
	DType DType
	Shape []int64
	Data  []byte
}

// File is an open file. Its tensors' Data is the memory-mapped file: it is read-only, and invalid after Close.
type File struct {
	mapped   []byte
	tensors  []entry
	index    map[string]int
	metadata map[string]string
}

// entry is a tensor with the offset of its data.
type entry struct {
	Tensor
	begin int64
}

// ErrFormat is wrapped by every error of a file that is not a valid safetensors file.
var ErrFormat = errors.New("not a valid safetensors file")

// maxHeader is less than the format's limit of 100 MB, since encoding/json needs several times as much memory. The largest
// CLIP's header has 0.2 MB.
const maxHeader = 4 << 20

// Open maps a file and checks its header. The numbers are read from disk on first access.
func Open(path string) (*File, error) {
	data, err := mapped.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrFormat, err), mapped.Close(data))
	}
	return f, nil
}

func parse(data []byte) (*File, error) {
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return nil, errors.New("it is a pointer of git-lfs, not the weights; run git lfs pull")
	}
	if len(data) < 8 {
		return nil, fmt.Errorf("%d bytes are too few", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, fmt.Errorf("the header says that it has %d bytes", n)
	}
	f := &File{mapped: data, index: map[string]int{}}
	body := data[8+n:]
	if err := f.readHeader(data[8:8+n], body); err != nil {
		return nil, err
	}
	return f, f.checkLayout(int64(len(body)))
}

// Names lists the tensors in the order of their data.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.index[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i].Tensor, true
}

// Metadata is the header's table of strings (__metadata__).
func (f *File) Metadata() map[string]string { return f.metadata }

// Close unmaps the file.
func (f *File) Close() error {
	data := f.mapped
	f.mapped, f.tensors, f.index = nil, nil, nil
	return mapped.Close(data)
}

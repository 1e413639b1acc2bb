package search

import (
	"errors"
	"io/fs"
	"runtime/debug"
	"unsafe"

	"clipgo/internal/half"
	"clipgo/internal/mapped"
	"clipgo/internal/vec"
)

// table is the rows of a .npy file, mapped into memory and only read.
type table struct {
	path  string
	rows  int
	dim   int
	f32   []float32 // one of the two is filled
	f16   []uint16
	data  []byte
	codes *codes   // nil: none
	bits  *bitRows // nil: none
}

func (t *table) dtype() DType {
	if t.f16 != nil {
		return Float16
	}
	return Float32
}

// openTable maps a .npy file of float16 or float32 rows. Whatever is wrong with it is a CorruptError.
func openTable(path string) (*table, error) {
	data, err := mapped.Open(path)
	if errors.Is(err, mapped.ErrNotRegular) || errors.Is(err, fs.ErrNotExist) {
		return nil, &CorruptError{File: path, Reason: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	h, err := parseNpy(data)
	if err != nil {
		_ = mapped.Close(data)
		return nil, &CorruptError{File: path, Reason: err.Error()}
	}
	t := &table{path: path, rows: h.rows, dim: h.dim, data: data}
	body := unsafe.Pointer(unsafe.SliceData(data[h.start:]))
	if h.dtype == Float16 {
		t.f16 = unsafe.Slice((*uint16)(body), h.rows*h.dim)
	} else {
		t.f32 = unsafe.Slice((*float32)(body), h.rows*h.dim)
	}
	return t, nil
}

func (t *table) close() error {
	data := t.data
	small, bits := t.codes, t.bits
	t.data, t.f32, t.f16, t.codes, t.bits = nil, nil, nil, nil, nil
	return errors.Join(small.close(), bits.close(), mapped.Close(data))
}

// row copies a row as float32.
func (t *table) row(i int) []float32 {
	out := make([]float32, t.dim)
	if t.f32 != nil {
		copy(out, t.f32[i*t.dim:])
		return out
	}
	for k, h := range t.f16[i*t.dim : (i+1)*t.dim] {
		out[k] = half.Float16(h)
	}
	return out
}

// read runs f, which reads the rows.
func (t *table) read(f func() error) error { return guarded(t.path, f) }

// guarded runs f, which reads a mapped file. Where the file was cut short under its mapping, reading it faults; here that
// becomes an error instead of the end of the process.
func guarded(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if _, fault := p.(interface{ Addr() uintptr }); fault {
			err = &CorruptError{path, "changed while it was read"}
		} else if p != nil {
			panic(p)
		}
	}()
	return f()
}

func (t *table) exact(q []float32, row int) float64 {
	if t.f32 != nil {
		return vec.Dot(q, t.f32[row*t.dim:(row+1)*t.dim])
	}
	return vec.DotFloat16(q, t.f16[row*t.dim:(row+1)*t.dim])
}

// empty tells a row that stands for a feature that is not there.
func (t *table) empty(row int) bool {
	from, to := row*t.dim, (row+1)*t.dim
	if t.f32 != nil {
		for _, v := range t.f32[from:to] {
			if v != 0 {
				return false
			}
		}
		return true
	}
	for _, v := range t.f16[from:to] {
		if v&0x7fff != 0 { // but for the sign
			return false
		}
	}
	return true
}

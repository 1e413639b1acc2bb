package safetensors

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

const metadataKey = "__metadata__"

func (f *File) readHeader(header, body []byte) error {
	if len(header) == 0 || header[0] != '{' {
		return errors.New("the header is not a JSON object")
	}
	d := newTokens(header)
	err := d.object(func(name string) (err error) {
		if name == metadataKey {
			f.metadata, err = d.strings()
			return err
		}
		return f.readEntry(d, name, body)
	})
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if rest := bytes.TrimSpace(header[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("header: %d bytes follow its end", len(rest))
	}
	return nil
}

func (f *File) readEntry(d *tokens, name string, body []byte) error {
	e, err := readInfo(d)
	if err != nil {
		return err
	}
	if err := e.check(int64(len(body))); err != nil {
		return err
	}
	begin, end := e.offsets[0], e.offsets[1]
	f.index[name] = len(f.tensors)
	f.tensors = append(f.tensors, entry{
		Tensor: Tensor{Name: name, DType: e.dtype, Shape: e.shape, Data: body[begin:end:end]}, begin: begin,
	})
	return nil
}

// info is a tensor's entry in the header.
type info struct {
	dtype          DType
	shape, offsets []int64
}

func readInfo(d *tokens) (e info, err error) {
	err = d.object(func(key string) (err error) {
		switch key {
		case "dtype":
			var s string
			s, err = d.text()
			e.dtype = DType(s)
		case "shape":
			e.shape, err = d.ints()
		case "data_offsets":
			e.offsets, err = d.ints()
		default:
			err = d.skip()
		}
		return err
	})
	return e, err
}

// check checks that type, shape and offsets agree with each other and with the size of the data.
func (e info) check(size int64) error {
	if e.shape == nil || len(e.offsets) != 2 {
		return errors.New("it needs a shape and two data_offsets")
	}
	begin, end := e.offsets[0], e.offsets[1]
	if begin < 0 || end < begin || end > size {
		return fmt.Errorf("its data, bytes %d to %d, is not within the file's %d; is the file complete?", begin, end, size)
	}
	want, err := byteSize(e.dtype, e.shape)
	if err != nil {
		return err
	}
	if want != end-begin {
		return fmt.Errorf("%s %v is %d bytes, the header gives it %d", e.dtype, e.shape, want, end-begin)
	}
	return nil
}

func byteSize(d DType, shape []int64) (int64, error) {
	n := d.Size()
	if n == 0 {
		return 0, fmt.Errorf("type %q is not known", string(d))
	}
	for _, s := range shape {
		if s < 0 {
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		}
		if s > 0 && n > math.MaxInt64/s {
			return 0, fmt.Errorf("shape %v overflows", shape)
		}
		n *= s
	}
	return n, nil
}

// checkLayout sorts the tensors by offset, and checks that they cover the data exactly, without gap, overlap or rest.
func (f *File) checkLayout(size int64) error {
	slices.SortStableFunc(f.tensors, func(a, b entry) int { // an empty tensor comes before the one at its offset
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(len(a.Data), len(b.Data)))
	})
	var at int64
	for i, t := range f.tensors {
		f.index[t.Name] = i
		if t.begin != at {
			return fmt.Errorf("%q begins at byte %d of the data, the one before it ends at %d", t.Name, t.begin, at)
		}
		at += int64(len(t.Data))
	}
	if at != size {
		return fmt.Errorf("%d bytes belong to no tensor", size-at)
	}
	return nil
}

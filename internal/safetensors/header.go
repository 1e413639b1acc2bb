package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

const metadataKey = "__metadata__"

// readHeader decodes the header token by token: encoding/json would take the last of two equal keys without a word.
func (f *File) readHeader(header, body []byte) error {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || header[0] != '{' {
		return errors.New("the header is not a JSON object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return fmt.Errorf("header: %w", err)
		}
		name, ok := key.(string)
		if !ok {
			return errors.New("header: a key is not a string")
		}
		if err := f.readEntry(d, name, body); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if rest := bytes.TrimSpace(header[d.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("header: %d bytes follow its end", len(rest))
	}
	return nil
}

func (f *File) readEntry(d *json.Decoder, name string, body []byte) error {
	if name == metadataKey {
		if f.metadata != nil {
			return fmt.Errorf("header: %s stands twice", name)
		}
		if err := d.Decode(&f.metadata); err != nil {
			return fmt.Errorf("header: %s: %w", name, err)
		}
		if f.metadata == nil { // null: it was there nevertheless
			f.metadata = map[string]string{}
		}
		return nil
	}
	if _, twice := f.index[name]; twice {
		return fmt.Errorf("header: %q stands twice", name)
	}
	var e info
	if err := d.Decode(&e); err != nil {
		return fmt.Errorf("header: %q: %w", name, err)
	}
	if err := e.check(int64(len(body))); err != nil {
		return fmt.Errorf("header: %q: %w", name, err)
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	f.index[name] = len(f.tensors)
	f.tensors = append(f.tensors, entry{
		Tensor: Tensor{Name: name, DType: e.DType, Shape: e.Shape, Data: body[begin:end:end]}, begin: begin,
	})
	return nil
}

// info is what the header says of a tensor.
type info struct {
	DType   DType   `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // a slice: into an array encoding/json takes any number of them
}

// check compares it with itself and with the size of the data.
func (e info) check(size int64) error {
	if e.Shape == nil || len(e.Offsets) != 2 {
		return errors.New("it needs a shape and two data_offsets")
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || end < begin || end > size {
		return fmt.Errorf("its data, bytes %d to %d, is not within the file's %d", begin, end, size)
	}
	want, err := byteSize(e.DType, e.Shape)
	if err != nil {
		return err
	}
	if want != end-begin {
		return fmt.Errorf("%s %v is %d bytes, the header gives it %d", e.DType, e.Shape, want, end-begin)
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

// checkLayout wants the tensors to cover the data exactly, without gap, overlap or rest, and puts them in its order.
func (f *File) checkLayout(size int64) error {
	slices.SortStableFunc(f.tensors, func(a, b entry) int { // an empty tensor stands before the one at its place
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

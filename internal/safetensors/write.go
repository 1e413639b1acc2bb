package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Write writes tensors in the order given. The same input gives the same bytes; the data begins at a multiple of 8.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	for _, t := range tensors {
		if err := t.check(); err != nil {
			return fmt.Errorf("write %q: %w", t.Name, err)
		}
	}
	return WriteEach(w, tensors, metadata, func(t Tensor) (Tensor, error) { return t, nil })
}

// WriteEach is Write for tensors that need not be in memory together: it gets all names, types and shapes first, and asks for the data of
// each tensor when it writes it.
func WriteEach(w io.Writer, tensors []Tensor, metadata map[string]string, load func(Tensor) (Tensor, error)) error {
	header, err := makeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		full, err := load(t)
		if err != nil {
			return err
		}
		t.Data = full.Data
		if err := t.check(); err != nil {
			return fmt.Errorf("write %q: %w", t.Name, err)
		}
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

func makeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if metadata != nil {
		if err := field(&b, metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	var at int64
	said := 6 + 3*len(metadata) // tokens
	seen := map[string]bool{metadataKey: true}
	for _, t := range tensors {
		n, err := t.size()
		if err != nil {
			return nil, fmt.Errorf("write %q: %w", t.Name, err)
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("write %q: a name used twice", t.Name)
		}
		seen[t.Name] = true
		said += 17 + len(t.Shape)
		e := struct {
			DType   DType    `json:"dtype"`
			Shape   []int64  `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{t.DType, append([]int64{}, t.Shape...), [2]int64{at, at + n}}
		if err := field(&b, t.Name, e); err != nil {
			return nil, err
		}
		at += n
	}
	b.WriteByte('}')
	if b.Len() > maxHeader-8 || said > maxTokens {
		return nil, fmt.Errorf("write %d tensors: a header of %d bytes is larger than is read", len(tensors), b.Len())
	}
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	return b.Bytes(), nil
}

// check checks that the format can hold a tensor.
func (t Tensor) check() error {
	n, err := t.size()
	if err == nil && n != int64(len(t.Data)) {
		err = fmt.Errorf("%d bytes for %s %v", len(t.Data), t.DType, t.Shape)
	}
	return err
}

// size is the number of bytes of a tensor of this name, type and shape.
func (t Tensor) size() (int64, error) {
	if !utf8.ValidString(t.Name) {
		return 0, errors.New("the name is not UTF-8")
	}
	return byteSize(t.DType, t.Shape)
}

func field(b *bytes.Buffer, key string, value any) error {
	k, err := json.Marshal(key)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if b.Len() > 1 {
		b.WriteByte(',')
	}
	b.Write(k)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

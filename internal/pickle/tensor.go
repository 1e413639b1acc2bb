package pickle

import (
	"errors"
	"fmt"
	"math/bits"

	"clipgo/internal/safetensors"
)

// storage is an entry of the archive with the numbers of tensors.
type storage struct {
	key   string
	dtype safetensors.DType
	count int64 // numbers, or bytes if it is untyped
}

// tensor is a view of a storage; sizes and strides are in elements.
type tensor struct {
	storage
	offset         int64
	shape, strides []int64
}

// storage reads a persistent id: ("storage", class, key, device, count).
func (m *machine) storage(id any) any {
	t, ok := id.(tuple)
	if !ok || len(t) < 5 || t[0] != any("storage") {
		m.fail(errors.New("it refers to something that is not a storage"))
		return nil
	}
	if f, ok := t[1].(foreign); ok {
		return f
	}
	class, isName := t[1].(global)
	dtype, isStorage := storages[class]
	key, isKey := t[2].(string)
	count, isCount := t[4].(int64)
	if !isName || !isStorage || !isKey || !isCount || count < 0 {
		m.fail(errors.New("a storage is not described by class, key, device and size"))
		return nil
	}
	m.spend(64)
	return storage{key: key, dtype: dtype, count: count}
}

// rebuildTensor takes (storage, offset, shape, strides, ...).
func rebuildTensor(args tuple) (any, error) {
	if len(args) < 4 {
		return nil, errors.New("too few arguments")
	}
	s, isStorage := args[0].(storage)
	offset, isOffset := args[1].(int64)
	shape, isShape := sizes(args[2])
	strides, isStrides := sizes(args[3])
	if !isStorage || !isOffset || offset < 0 || !isShape || !isStrides || len(shape) != len(strides) {
		return nil, errors.New("a tensor is not described by storage, offset, shape and strides")
	}
	return &tensor{storage: s, offset: offset, shape: shape, strides: strides}, nil
}

// rebuildTyped also takes requires_grad, hooks and the type.
func rebuildTyped(args tuple) (any, error) {
	if len(args) < 7 {
		return nil, errors.New("too few arguments")
	}
	v, err := rebuildTensor(args)
	if err != nil {
		return nil, err
	}
	g, _ := args[6].(global)
	t, dtype := v.(*tensor), dtypes[g]
	if dtype == "" || t.dtype != untyped {
		return nil, errors.New("the type of a tensor isn't given, or twice")
	}
	if size := dtype.Size(); size > 0 {
		t.count /= size
	}
	t.dtype = dtype
	return t, nil
}

const maxRank = 16

func sizes(v any) ([]int64, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > maxRank {
		return nil, false
	}
	out := make([]int64, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}

// entry is a named tensor with the bytes of its storage, from its first number on.
type entry struct {
	safetensors.Tensor // Data is set if the tensor is contiguous
	data               []byte
	strides            []int64
}

// resolve finds a tensor's bytes and checks that the storage has them all.
func (a *archive) resolve(name string, t *tensor) (entry, error) {
	e := entry{Tensor: safetensors.Tensor{Name: name, DType: t.dtype, Shape: t.shape, Data: []byte{}}, strides: t.strides}
	width := t.dtype.Size()
	if width == 0 {
		return e, fmt.Errorf("its type, %q, is not one that is read", string(t.dtype))
	}
	count, last, ok := t.extent()
	if !ok {
		return e, fmt.Errorf("shape %v with strides %v overflows", t.shape, t.strides)
	}
	if count == 0 {
		return e, nil
	}
	data, err := a.read("data/" + t.key)
	if err != nil {
		return e, err
	}
	if t.count > int64(len(data))/width {
		return e, fmt.Errorf("storage %q has %d bytes, not %d numbers of %s", t.key, len(data), t.count, t.dtype)
	}
	if last >= t.count {
		return e, fmt.Errorf("shape %v with strides %v from %d on leaves its storage of %d", t.shape, t.strides, t.offset, t.count)
	}
	begin, end := t.offset*width, (last+1)*width
	e.data = data[begin:end:end]
	if t.ordered() {
		e.Data = e.data
	}
	return e, nil
}

// extent returns the number of elements and the position of the last one in the storage.
func (t *tensor) extent() (count, last int64, ok bool) {
	const most = 1 << 48
	n, at, over := uint64(1), uint64(t.offset), t.offset > most
	for i, s := range t.shape {
		if s == 0 {
			return 0, 0, true
		}
		high, low := bits.Mul64(n, uint64(s))
		far, step := bits.Mul64(uint64(s-1), uint64(t.strides[i]))
		over = over || high > 0 || low > most || far > 0 || step > most
		if over {
			return 0, 0, false
		}
		n, at = low, at+step
	}
	return int64(n), int64(at), !over
}

// ordered reports whether the tensor is contiguous: row-major in the file.
func (t *tensor) ordered() bool {
	want := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// size is the number of bytes of a contiguous copy; 0 if none is needed.
func (e entry) size() int64 {
	if len(e.Data) > 0 || e.data == nil {
		return 0
	}
	n := e.DType.Size()
	for _, s := range e.Shape {
		n *= s
	}
	return n
}

func (e entry) load() safetensors.Tensor {
	t := e.Tensor
	if n := e.size(); n > 0 {
		t.Data = e.collect(make([]byte, 0, n), 0, e.data)
	}
	return t
}

// collect appends the elements of a dimension in row-major order; from begins with the first one.
func (e entry) collect(to []byte, dim int, from []byte) []byte {
	width := e.DType.Size()
	step := e.strides[dim] * width
	if dim < len(e.Shape)-1 {
		for i := range e.Shape[dim] {
			to = e.collect(to, dim+1, from[i*step:])
		}
		return to
	}
	if step == width {
		return append(to, from[:e.Shape[dim]*width]...)
	}
	for i := range e.Shape[dim] {
		to = append(to, from[i*step:i*step+width]...)
	}
	return to
}

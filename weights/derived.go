package weights

import (
	"slices"

	"clipgo/internal/safetensors"
)

// derived is a set of tensors that are computed on access.
type derived struct {
	names   []string
	entries map[string]func() safetensors.Tensor
	parts   map[string]func() []safetensors.Tensor // parts of a tensor that is stacked by rows
}

func newDerived() *derived {
	return &derived{entries: map[string]func() safetensors.Tensor{}, parts: map[string]func() []safetensors.Tensor{}}
}

func (o *derived) Names() []string { return o.names }

func (o *derived) Tensor(name string) (safetensors.Tensor, bool) {
	entry, ok := o.entries[name]
	if !ok {
		return safetensors.Tensor{}, false
	}
	t := entry()
	t.Name = name
	return t, true
}

// add returns false if the name exists already.
func (o *derived) add(name string, entry func() safetensors.Tensor) bool {
	if o.entries[name] != nil {
		return false
	}
	o.names = append(o.names, name)
	o.entries[name] = entry
	return true
}

// pass keeps a tensor as it is.
func (o *derived) pass(src Set, name string) {
	o.add(name, func() safetensors.Tensor {
		t, _ := src.Tensor(name)
		return t
	})
}

func (o *derived) passAll(src Set, names []string) {
	for _, name := range names {
		if name != "" {
			o.pass(src, name)
		}
	}
}

// unstacked returns the parts of a stacked tensor that hasn't been joined yet, otherwise the tensor itself.
func unstacked(s Set, name string) []safetensors.Tensor {
	if c, ok := s.(*Checkpoint); ok {
		s = c.Set
	}
	if d, ok := s.(*derived); ok && d.parts[name] != nil {
		return d.parts[name]()
	}
	t, ok := s.Tensor(name)
	if !ok {
		return nil
	}
	return []safetensors.Tensor{t}
}

// Shape returns a tensor's type and shape, without joining a tensor that is stored in parts.
func Shape(s Set, name string) (dtype safetensors.DType, shape []int64, ok bool) {
	parts := unstacked(s, name)
	if parts == nil {
		return "", nil, false
	}
	shape = slices.Clone(parts[0].Shape)
	for _, p := range parts[1:] {
		shape[0] += p.Shape[0]
	}
	return parts[0].DType, shape, true
}

// Stored returns the type of most of a set's numbers.
func Stored(s Set) safetensors.DType {
	count := map[safetensors.DType]int64{}
	var most safetensors.DType
	for _, name := range s.Names() {
		dtype, shape, _ := Shape(s, name)
		if count[dtype] += elements(shape); count[dtype] > count[most] {
			most = dtype
		}
	}
	return most
}

// elements counts the numbers of a shape.
func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

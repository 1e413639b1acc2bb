package config

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strings"
)

// Field is a setting, or a struct of settings, by its dotted key.
type Field struct {
	Key    string // JSON names, joined by dots
	Type   reflect.Type
	Tag    reflect.StructTag
	Nested bool // a struct whose fields have keys of their own

	index []int // within the struct that has it
}

// Fields lists the fields of a struct (or of what a pointer leads to) and of the structs below it, in their order, as
// encoding/json writes them. An embedded struct has no name of its own.
func Fields(options any) []Field { return below(deref(reflect.TypeOf(options)), "") }

func below(t reflect.Type, parent string) (out []Field) {
	for _, f := range members(t) {
		f.Key = join(parent, f.Key)
		if out = append(out, f); f.Nested {
			out = append(out, below(deref(f.Type), f.Key)...)
		}
	}
	return out
}

// members lists a struct's own fields; those of embedded structs are among them.
func members(t reflect.Type) (out []Field) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		sub := deref(f.Type)
		reads := reflect.PointerTo(sub).Implements(reflect.TypeFor[json.Unmarshaler]())
		out = append(out, Field{cmp.Or(name, f.Name), f.Type, f.Tag, sub.Kind() == reflect.Struct && !reads, f.Index})
	}
	return out
}

func member(t reflect.Type, name string) (Field, bool) {
	for _, f := range members(t) {
		if f.Key == name {
			return f, true
		}
	}
	return Field{}, false
}

// names lists the keys of fields; with leaves, only of those that hold values.
func names(fields []Field, leaves bool) (out []string) {
	for _, f := range fields {
		if !leaves || !f.Nested {
			out = append(out, f.Key)
		}
	}
	return out
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// own follows pointers, and allocates what they should point to.
func own(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}

// at is the field of a struct that a key names, which has to be known.
func at(v reflect.Value, key string) reflect.Value {
	for name := range strings.SplitSeq(key, ".") {
		v = own(v)
		f, ok := member(v.Type(), name)
		if !ok {
			panic("config: " + v.Type().String() + " has no setting " + key)
		}
		for _, i := range f.index {
			v = own(v).Field(i)
		}
	}
	return v
}

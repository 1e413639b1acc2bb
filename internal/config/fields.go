package config

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Field is a setting, or a struct of settings, by its dotted key.
type Field struct {
	Key    string // JSON names, joined by dots
	Type   reflect.Type
	Tag    reflect.StructTag
	Nested bool // a struct, whose fields have keys of their own

	index []int // from the outermost struct on
}

// Fields lists the fields of a struct (or of the struct that a pointer points to) and of its nested structs, in the order in which
// encoding/json writes them. An embedded struct adds no name to the key.
func Fields(options any) []Field { return fields(deref(reflect.TypeOf(options)), Field{}) }

func fields(t reflect.Type, parent Field) (out []Field) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" {
			continue
		}
		sub := deref(f.Type)
		reads := reflect.PointerTo(sub).Implements(reflect.TypeFor[json.Unmarshaler]())
		field := Field{
			Key: join(parent.Key, cmp.Or(name, f.Name)), Type: f.Type, Tag: f.Tag, Nested: sub.Kind() == reflect.Struct && !reads,
			index: slices.Concat(parent.index, f.Index),
		}
		if out = append(out, field); field.Nested {
			out = append(out, fields(sub, field)...)
		}
	}
	return out
}

// byKey maps keys to the fields of a struct.
func byKey(options any) map[string]Field {
	out := map[string]Field{}
	for _, f := range Fields(options) {
		out[f.Key] = f
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

// own follows pointers and allocates the values of nil ones.
func own(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}

// in returns the field's value within the outermost struct.
func (f Field) in(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = own(v).Field(i)
	}
	return v
}

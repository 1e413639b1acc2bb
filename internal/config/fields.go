package config

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// field is a field of a struct by its JSON name; those of embedded structs count as the struct's own.
type field struct {
	name   string
	index  []int
	tagged bool
}

// fields lists what encoding/json would write of a struct, in its order.
func fields(t reflect.Type) []field {
	all := collect(t, nil, map[reflect.Type]bool{})
	var out []field
	for _, f := range all {
		if dominant(all, f) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return out
}

// dominant is Go's rule with encoding/json's addition: the shallowest field of a name, then the only tagged one.
func dominant(all []field, f field) bool {
	for _, g := range all {
		if g.name != f.name || slices.Equal(g.index, f.index) {
			continue
		}
		switch c := cmp.Compare(len(g.index), len(f.index)); {
		case c < 0, c == 0 && (g.tagged || !f.tagged):
			return false
		}
	}
	return true
}

func collect(t reflect.Type, index []int, above map[reflect.Type]bool) []field {
	if above[t] {
		return nil
	}
	above[t] = true
	defer delete(above, t)
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case tag == "-":
		case f.Anonymous && name == "" && inlines(f):
			out = append(out, collect(deref(f.Type), at, above)...)
		case !f.IsExported():
		case name == "":
			out = append(out, field{f.Name, at, false})
		default:
			out = append(out, field{name, at, true})
		}
	}
	return out
}

// inlines tells whether an embedded field's own fields can be reached: a pointer to a type that isn't exported can't be
// set from here.
func inlines(f reflect.StructField) bool {
	return deref(f.Type).Kind() == reflect.Struct && (f.IsExported() || f.Type.Kind() == reflect.Struct)
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonType     = reflect.TypeFor[json.Unmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

// nested tells whether a type is a struct whose fields have keys of their own.
func nested(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Struct && !p.Implements(textType) && !p.Implements(jsonType)
}

// Keys lists the keys of a struct or a pointer to one, in the order of its fields.
func Keys(target any) []string {
	return keys(deref(reflect.TypeOf(target)), "", nil)
}

func keys(t reflect.Type, prefix string, above []reflect.Type) []string {
	var out []string
	for _, f := range fields(t) {
		key, sub := prefix+f.name, deref(t.FieldByIndex(f.index).Type)
		if nested(sub) && !slices.Contains(above, sub) {
			out = append(out, keys(sub, key+".", append(above, t))...)
			continue
		}
		out = append(out, key)
	}
	return out
}

// member finds a field of a struct by name, making the embedded structs on the way to it.
func member(v reflect.Value, name string) (reflect.Value, bool) {
	for _, f := range fields(v.Type()) {
		if f.name != name {
			continue
		}
		for _, i := range f.index {
			v = own(v).Field(i)
		}
		return v, true
	}
	return reflect.Value{}, false
}

// own follows pointers and makes what they should point to.
func own(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}

func names(t reflect.Type) []string {
	var out []string
	for _, f := range fields(t) {
		out = append(out, f.name)
	}
	return out
}

package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Origin is where a setting comes from. A later constant has precedence over an earlier one.
type Origin int

// The origins, in ascending order of precedence.
const (
	Default    Origin = iota // the program's own
	Recipe                   // settings that belong to a model or a data set
	Stored                   // the settings of a run that is resumed
	Command                  // what the command is
	File                     // a config file
	Flag                     // a flag
	Assignment               // key=value
)

func (o Origin) String() string {
	return [...]string{"default", "recipe", "run.json", "command", "config file", "flag", "assignment"}[o]
}

// Value is a setting's value in a layer.
type Value struct {
	JSON   string // as encoding/json writes a value of the field's type
	Origin Origin
	Where  string // file:line or the flag, for messages; empty if the user didn't set it
}

// String is the value for a message: its JSON, or "none" where it says nothing.
func (v Value) String() string {
	if v.JSON == "" || v.JSON == "null" || v.JSON == `""` {
		return "none"
	}
	return v.JSON
}

// Layer is a sparse set of settings by their dotted keys. A null stands for a pointer that is nil.
type Layer map[string]Value

// Of returns a layer with every setting of a struct.
func Of(origin Origin, options any) Layer {
	l := Layer{}
	l.Put(origin, "", options)
	return l
}

// Put sets a key to v, which must have the field's type. A struct sets the keys of all its fields.
func (l Layer) Put(origin Origin, key string, v any) {
	root := reflect.Indirect(reflect.ValueOf(v))
	if root.Kind() != reflect.Struct {
		l.put(key, Value{JSON: asText(v), Origin: origin})
		return
	}
	for _, f := range Fields(v) {
		m, err := root.FieldByIndexErr(f.index) // an error: a pointer above it is nil
		if err == nil && (!f.Nested || m.Kind() == reflect.Pointer && m.IsNil()) {
			l.put(join(key, f.Key), Value{JSON: asText(m.Interface()), Origin: origin})
		}
	}
}

func asText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("config: " + err.Error()) // settings can be encoded
	}
	return string(data)
}

// put replaces the value of a key. It removes a null of an enclosing key and the values of nested keys.
func (l Layer) put(key string, v Value) {
	maps.DeleteFunc(l, func(k string, _ Value) bool {
		return strings.HasPrefix(k, key+".") || strings.HasPrefix(key, k+".")
	})
	l[key] = v
}

// Merge gives each key the value of the last layer that has it.
func Merge(layers ...Layer) Layer {
	out := Layer{}
	for _, l := range layers {
		for key, v := range l {
			out.put(key, v)
		}
	}
	return out
}

// Origin is where a key's value comes from; Default if the layer doesn't have the key.
func (l Layer) Origin(key string) Origin { return l[key].Origin }

// Said reports whether the user set a key, by a file, a flag or an assignment.
func (l Layer) Said(key string) bool { return l.Origin(key) >= File }

// Under returns the settings nested in a key, by the rest of their keys.
func (l Layer) Under(parent string) Layer {
	out := Layer{}
	for key, v := range l {
		if rest, ok := strings.CutPrefix(key, parent+"."); ok {
			out[rest] = v
		}
	}
	return out
}

// Sorted lists the keys in alphabetical order.
func (l Layer) Sorted() []string { return slices.Sorted(maps.Keys(l)) }

// Decode sets the fields of the struct that options points to. Fields without a key in the layer keep their values. It panics if the
// struct doesn't have the type for which the layer was made.
func (l Layer) Decode(options any) {
	root, known := pointee(options), byKey(options)
	for _, key := range l.Sorted() {
		f, ok := known[key]
		if !ok {
			panic(fmt.Sprintf("config: %T has no setting %s", options, key))
		}
		v := f.in(root)
		v.SetZero() // json.Unmarshal would write into a slice's old array
		if err := json.Unmarshal([]byte(l[key].JSON), v.Addr().Interface()); err != nil {
			panic("config: " + key + ": " + err.Error())
		}
	}
}

func pointee(options any) reflect.Value {
	v := reflect.ValueOf(options)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic("config: options have to be a pointer to a struct")
	}
	return v.Elem()
}

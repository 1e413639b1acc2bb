package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Origin says where a setting comes from. Of two, the later constant goes over the earlier one.
type Origin int

// The origins, from the weakest on.
const (
	Default    Origin = iota // the program's own
	Recipe                   // what goes with a model or with data
	Stored                   // the settings of a run that is resumed
	Command                  // what the command is
	File                     // a config file
	Flag                     // a flag
	Assignment               // key=value
)

func (o Origin) String() string {
	return [...]string{"default", "recipe", "run.json", "command", "config file", "flag", "assignment"}[o]
}

// Value is what one place says of a setting.
type Value struct {
	JSON   string // as encoding/json writes a value of the field's type
	Origin Origin
	Where  string // file:line or the flag, for messages; empty where nobody wrote it
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

// Of holds every setting of a struct.
func Of(origin Origin, options any) Layer {
	l := Layer{}
	l.Put(origin, "", options)
	return l
}

// Put sets a key to v, which has to be of the field's type. A struct sets the keys of all its fields.
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
		panic("config: " + err.Error()) // a setting has JSON
	}
	return string(data)
}

// put replaces a value, and also a null above its key and the values below it.
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

// Origin is where a key's value comes from. Nobody having set it counts as a default.
func (l Layer) Origin(key string) Origin { return l[key].Origin }

// Said tells whether the user set a key: by a file, a flag or an assignment.
func (l Layer) Said(key string) bool { return l.Origin(key) >= File }

// Under holds the settings below a key, by what their keys have behind it.
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

// Decode sets the fields of the struct that options points to. Fields without a key in the layer keep their values. The
// struct is of the type that the layer was made for; Decode panics if it isn't.
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

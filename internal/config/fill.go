package config

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// filler puts values into a struct and gathers what is wrong with them.
type filler struct {
	root reflect.Value
	file string // empty for assignments
	errs []error
}

func newFiller(target any, file string) *filler {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic("config: the target has to be a pointer to a struct")
	}
	return &filler{root: v.Elem(), file: file}
}

func (f *filler) where(n node) string {
	if f.file == "" || n.line == 0 {
		return f.file
	}
	return fmt.Sprintf("%s:%d", f.file, n.line)
}

func (f *filler) bad(key string, n node, err error) {
	f.errs = append(f.errs, &Error{Where: f.where(n), Key: key, Value: n.show(), Err: err})
}

// unknown reports a key that doesn't exist in a struct; parent is the struct's own key.
func (f *filler) unknown(parent, name string, in reflect.Type, n node) {
	near := Nearest(name, names(in))
	if near != "" {
		near = join(parent, near)
	} else {
		near = elsewhere(name, Keys(f.root.Interface()))
	}
	var err error = &UnknownKeyError{Key: join(parent, name), Nearest: near}
	if where := f.where(n); where != "" {
		err = fmt.Errorf("%s: %w", where, err)
	}
	f.errs = append(f.errs, err)
}

// elsewhere finds a key whose last part is the name, or spelt much like it: somebody forgot, or mistook, what is before.
func elsewhere(name string, known []string) string {
	ends := make([]string, len(known))
	for i, key := range known {
		ends[i] = key[strings.LastIndexByte(key, '.')+1:]
	}
	for _, end := range []string{name, Nearest(name, ends)} {
		if at := slices.Index(ends, end); at >= 0 {
			return known[at]
		}
	}
	return ""
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// fill gives v the value n. What n, an object, says nothing of keeps its value; a list replaces the old one.
func (f *filler) fill(v reflect.Value, n node, key string) {
	if n.kind == null || n.kind == raw && n.text == "null" {
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			v.SetZero()
			return
		}
	}
	v = own(v)
	if done, err := self(v, n); done {
		if err != nil {
			f.bad(key, n, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		f.object(v, n, key)
	case reflect.Slice, reflect.Array:
		f.list(v, n, key)
	default:
		if err := scalar(v, n); err != nil {
			f.bad(key, n, err)
		}
	}
}

// self lets a type that reads itself do so.
func self(v reflect.Value, n node) (done bool, err error) {
	switch u := v.Addr().Interface().(type) {
	case json.Unmarshaler:
		return true, u.UnmarshalJSON(n.json())
	case encoding.TextUnmarshaler:
		if n.kind == text || n.kind == raw {
			return true, u.UnmarshalText([]byte(n.text))
		}
		return true, errors.New("want a string")
	}
	return false, nil
}

func (f *filler) object(v reflect.Value, n node, key string) {
	if n.kind == raw && strings.HasPrefix(n.text, "{") {
		if parsed, err := parseJSON([]byte(n.text)); err == nil {
			n = parsed
		}
	}
	if n.kind != object {
		f.bad(key, n, fmt.Errorf("want an object with the keys %s", strings.Join(names(v.Type()), ", ")))
		return
	}
	for i, name := range n.keys {
		m, ok := member(v, name)
		if !ok {
			f.unknown(key, name, v.Type(), n.values[i])
			continue
		}
		f.fill(m, n.values[i], join(key, name))
	}
}

func (f *filler) list(v reflect.Value, n node, key string) {
	values, err := items(n)
	if v.Kind() == reflect.Array && err == nil && len(values) != v.Len() {
		err = fmt.Errorf("has %d values", len(values))
	}
	if err != nil {
		f.bad(key, n, fmt.Errorf("want %s: %w", wantList(v), err))
		return
	}
	fresh := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Slice {
		fresh = reflect.MakeSlice(v.Type(), len(values), len(values))
	}
	before := len(f.errs)
	for i, value := range values {
		f.fill(fresh.Index(i), value, fmt.Sprintf("%s[%d]", key, i))
	}
	if len(f.errs) == before {
		v.Set(fresh)
	}
}

// items are the elements of a list; an assignment has them as JSON or with commas between them.
func items(n node) ([]node, error) {
	if n.kind == raw && strings.HasPrefix(n.text, "[") {
		var err error
		if n, err = parseJSON([]byte(n.text)); err != nil {
			return nil, err
		}
	}
	if n.kind == list {
		return n.values, nil
	}
	if n.kind != raw {
		return nil, errors.New("not a list")
	}
	if n.text == "" {
		return nil, nil
	}
	var out []node
	for part := range strings.SplitSeq(n.text, ",") {
		out = append(out, node{kind: raw, text: strings.TrimSpace(part)})
	}
	return out, nil
}

func wantList(v reflect.Value) string {
	what := plural(v.Type().Elem())
	if v.Kind() == reflect.Array {
		return fmt.Sprintf("%d %s", v.Len(), what)
	}
	return "a list of " + what
}

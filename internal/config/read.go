package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// raw is the tag of a node that an assignment made: its text is of the type that the field has.
const raw = "!raw"

func rawNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: raw, Value: text}
}

// reader makes a layer of what was written, and collects what is wrong with it.
type reader struct {
	options reflect.Type
	origin  Origin
	where   string // the file or the flag
	layer   Layer
	errs    []error
}

func newReader(options any, origin Origin, where string) *reader {
	return &reader{options: deref(reflect.TypeOf(options)), origin: origin, where: where, layer: Layer{}}
}

// at is where a node was written: the line too, of a file.
func (r *reader) at(n *yaml.Node) string {
	if n.Line == 0 || r.origin != File {
		return r.where
	}
	return fmt.Sprintf("%s:%d", r.where, n.Line)
}

func (r *reader) bad(key string, n *yaml.Node, err error) {
	r.errs = append(r.errs, &Error{Where: r.at(n), Key: key, Value: show(n), Err: err})
}

// Assign reads key=value assignments, the last of a key last, for a struct of the type of options. where names the flag
// that they come from. A list is a,b,c or JSON, an object JSON; null makes a pointer nil.
//
// All mistakes are returned, joined; each is an *Error or an *UnknownKeyError.
func Assign(options any, origin Origin, where string, assignments ...string) (Layer, error) {
	r := newReader(options, origin, where)
	for _, a := range assignments {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			r.errs = append(r.errs, &Error{Where: where, Err: fmt.Errorf("want key=value, not %q", shorten(a))})
		} else if f, ok := r.find(key); ok {
			r.setting(key, f, rawNode(value))
		}
	}
	return r.layer, errors.Join(r.errs...)
}

// find follows a dotted key to its field. Where there is none it reports the first part that is unknown.
func (r *reader) find(key string) (Field, bool) {
	f, parent := Field{Type: r.options, Nested: true}, ""
	for name := range strings.SplitSeq(key, ".") {
		next, ok := Field{}, false
		if f.Nested {
			next, ok = member(deref(f.Type), name)
		}
		switch {
		case !f.Nested:
			r.errs = append(r.errs, &UnknownKeyError{Where: r.where, Key: key, Nearest: parent})
			return f, false
		case !ok:
			r.unknown(parent, name, f.Type, rawNode(""))
			return f, false
		}
		f, parent = next, join(parent, name)
	}
	return f, true
}

// unknown reports a name that is no field of the struct t, whose own key is parent.
func (r *reader) unknown(parent, name string, t reflect.Type, n *yaml.Node) {
	near := Nearest(name, names(members(deref(t)), false))
	if near != "" {
		near = join(parent, near)
	} else {
		near = elsewhere(name, names(below(r.options, ""), true))
	}
	r.errs = append(r.errs, &UnknownKeyError{Where: r.at(n), Key: join(parent, name), Nearest: near})
}

// elsewhere finds a key whose last part is the name, or spelt much like it: what is before it was forgotten or mistaken.
func elsewhere(name string, known []string) string {
	ends := make([]string, len(known))
	for i, key := range known {
		ends[i] = key[strings.LastIndexByte(key, '.')+1:]
	}
	for _, end := range []string{name, Nearest(name, ends)} {
		if i := slices.Index(ends, end); i >= 0 {
			return known[i]
		}
	}
	return ""
}

// setting adds to the layer what a node says of a field.
func (r *reader) setting(key string, f Field, n *yaml.Node) {
	if n = followed(n); f.Nested && !null(n) {
		r.object(key, deref(f.Type), n)
		return
	}
	v, before := reflect.New(f.Type).Elem(), len(r.errs)
	if r.fill(v, key, n); len(r.errs) > before {
		return
	}
	err := within(f.Tag, v)
	data, unwritten := json.Marshal(v.Interface())
	if err = errors.Join(err, unwritten); err != nil {
		r.bad(key, n, err)
		return
	}
	r.layer.put(key, Value{JSON: string(data), Origin: r.origin, Where: r.at(n)})
}

func (r *reader) object(key string, t reflect.Type, n *yaml.Node) {
	if n.Tag == raw && strings.HasPrefix(n.Value, "{") {
		if parsed, _, err := parse([]byte(n.Value), true); err == nil {
			n = parsed
		}
	}
	if n.Kind != yaml.MappingNode {
		r.bad(key, n, fmt.Errorf("want an object with the keys %s", strings.Join(names(members(t), false), ", ")))
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		name, value := n.Content[i].Value, n.Content[i+1]
		if f, ok := member(t, name); ok {
			r.setting(join(key, name), f, value)
		} else {
			r.unknown(key, name, t, value)
		}
	}
}

// fill sets v to what a node says. encoding/json decides what a type can hold.
func (r *reader) fill(v reflect.Value, key string, n *yaml.Node) {
	n = followed(n)
	if k := v.Kind(); null(n) && (k == reflect.Pointer || k == reflect.Slice || k == reflect.Map) {
		return
	}
	v = own(v)
	_, reads := v.Addr().Interface().(json.Unmarshaler)
	switch k := v.Kind(); {
	case !reads && (k == reflect.Slice || k == reflect.Array):
		r.list(v, key, n)
		return
	case k == reflect.String && n.Tag == raw:
		v.SetString(n.Value)
		return
	}
	data, err := asJSON(n)
	if err == nil {
		err = json.Unmarshal(data, v.Addr().Interface())
	}
	if err != nil && !reads || null(n) {
		err = errors.New("want " + article(v.Type()))
	}
	if err != nil {
		r.bad(key, n, err)
	}
}

func (r *reader) list(v reflect.Value, key string, n *yaml.Node) {
	want := fmt.Sprintf("want a list of %ss", kind(v.Type().Elem()))
	values, err := items(n)
	if v.Kind() == reflect.Array {
		if want = fmt.Sprintf("want %d %ss", v.Len(), kind(v.Type().Elem())); err == nil && len(values) != v.Len() {
			err = fmt.Errorf("has %d values", len(values))
		}
	}
	if err != nil {
		r.bad(key, n, fmt.Errorf("%s: %w", want, err))
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
	}
	for i, value := range values {
		r.fill(v.Index(i), fmt.Sprintf("%s[%d]", key, i), value)
	}
}

// items are the elements of a list; an assignment has them as JSON, or with commas between them.
func items(n *yaml.Node) (out []*yaml.Node, err error) {
	if n.Tag == raw && strings.HasPrefix(n.Value, "[") {
		if n, _, err = parse([]byte(n.Value), true); err != nil {
			return nil, err
		}
	}
	switch {
	case n.Kind == yaml.SequenceNode:
		return n.Content, nil
	case n.Tag != raw:
		return nil, errors.New("not a list")
	case n.Value == "":
		return nil, nil
	}
	for part := range strings.SplitSeq(n.Value, ",") {
		out = append(out, rawNode(strings.TrimSpace(part)))
	}
	return out, nil
}

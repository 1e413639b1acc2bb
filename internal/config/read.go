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

// raw is the tag of a node of an assignment: its text is read by the type of the field.
const raw = "!raw"

func rawNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: raw, Value: text}
}

// reader builds a layer from the user's input and collects the errors.
type reader struct {
	fields []Field
	known  map[string]Field
	origin Origin
	where  string // the file or the flag
	layer  Layer
	errs   []error
}

func newReader(options any, origin Origin, where string) *reader {
	return &reader{fields: Fields(options), known: byKey(options), origin: origin, where: where, layer: Layer{}}
}

// at is the position of a node: the flag, or file and line.
func (r *reader) at(n *yaml.Node) string {
	if n.Line == 0 || r.origin != File {
		return r.where
	}
	return fmt.Sprintf("%s:%d", r.where, n.Line)
}

func (r *reader) bad(key string, n *yaml.Node, err error) {
	r.errs = append(r.errs, &Error{Where: r.at(n), Key: key, Value: show(n), Err: err})
}

// Assign reads key=value assignments for a struct of the type of options; the last one of a key counts. where names the flag that they
// come from. A list is a,b,c or JSON, an object is JSON; null sets a pointer to nil.
//
// It returns all errors, joined; each is an *Error or an *UnknownKeyError.
func Assign(options any, origin Origin, where string, assignments ...string) (Layer, error) {
	r := newReader(options, origin, where)
	for _, a := range assignments {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			r.errs = append(r.errs, &Error{Where: where, Err: fmt.Errorf("want key=value, not %q", shorten(a))})
			continue
		}
		r.setting(key, rawNode(value))
	}
	return r.layer, errors.Join(r.errs...)
}

// nearest is a known key with a spelling similar to that of an unknown one, or with the same or a similar last part, since the
// parts before it may be missing or wrong.
func (r *reader) nearest(key string) string {
	var whole, ends []string
	for _, f := range r.fields {
		whole, ends = append(whole, f.Key), append(ends, f.Key[strings.LastIndexByte(f.Key, '.')+1:])
	}
	if near := Nearest(key, whole); near != "" {
		return near
	}
	parent, end := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		parent, end = key[:i], key[i+1:]
	}
	for _, name := range []string{end, Nearest(end, ends)} {
		if i := slices.Index(ends, name); i >= 0 {
			return whole[i]
		}
	}
	if f, ok := r.known[parent]; ok && !f.Nested {
		return parent
	}
	return ""
}

// setting adds a key with a node's value to the layer.
func (r *reader) setting(key string, n *yaml.Node) {
	f, ok := r.known[key]
	if !ok {
		r.errs = append(r.errs, &UnknownKeyError{Where: r.at(n), Key: key, Nearest: r.nearest(key)})
		return
	}
	if n = followed(n); f.Nested && !null(n) {
		r.object(key, n)
		return
	}
	v, before := reflect.New(f.Type).Elem(), len(r.errs)
	if r.fill(v, key, n); len(r.errs) > before {
		return
	}
	if err := within(f.Tag, v); err != nil {
		r.bad(key, n, err)
		return
	}
	r.layer.put(key, Value{JSON: asText(v.Interface()), Origin: r.origin, Where: r.at(n)})
}

// object adds the members of an object. An empty key is the whole document.
func (r *reader) object(key string, n *yaml.Node) {
	if n.Tag == raw && strings.HasPrefix(n.Value, "{") {
		if parsed, _, err := parse([]byte(n.Value), true); err == nil {
			n = parsed
		}
	}
	if n.Kind != yaml.MappingNode {
		var names []string
		for _, f := range r.fields {
			if rest, ok := strings.CutPrefix(f.Key, key+"."); ok && !strings.Contains(rest, ".") {
				names = append(names, rest)
			}
		}
		r.bad(key, n, fmt.Errorf("want an object with the keys %s", strings.Join(names, ", ")))
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		r.setting(join(key, n.Content[i].Value), n.Content[i+1])
	}
}

// fill sets v to a node's value. encoding/json checks whether the type can hold it.
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

// items are the elements of a list. An assignment has them as JSON or separated by commas.
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

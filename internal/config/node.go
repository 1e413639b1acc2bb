package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is a value as it was written, before a field's type decides what it has to be.
type node struct {
	kind   kind
	text   string // of a scalar
	line   int    // in its file, from 1; 0 for an assignment
	values []node
	keys   []string // of an object, one a value
}

type kind int

const (
	null kind = iota
	boolean
	number
	text // a string
	raw  // of an assignment: a scalar of the type that the field wants
	list
	object
)

// show is the value for a message.
func (n node) show() string {
	switch n.kind {
	case null:
		return "null"
	case list:
		return "[...]"
	case object:
		return "{...}"
	}
	short := n.text
	if r := []rune(short); len(r) > 60 {
		short = string(r[:57]) + "..."
	}
	if n.kind == text {
		return strconv.Quote(short)
	}
	return short
}

// json is the value as JSON, for a type that reads itself. An assignment that is not JSON is meant as a string.
func (n node) json() []byte {
	switch n.kind {
	case boolean, number:
		return []byte(n.text)
	case text:
		return quote(n.text)
	case raw:
		if json.Valid([]byte(n.text)) {
			return []byte(n.text)
		}
		return quote(n.text)
	case list, object:
		parts := make([]string, len(n.values))
		for i, v := range n.values {
			parts[i] = string(v.json())
			if n.kind == object {
				parts[i] = string(quote(n.keys[i])) + ":" + parts[i]
			}
		}
		if n.kind == list {
			return []byte("[" + strings.Join(parts, ",") + "]")
		}
		return []byte("{" + strings.Join(parts, ",") + "}")
	default:
		return []byte("null")
	}
}

func quote(s string) []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always has JSON
	}
	return data
}

// jsonReader builds nodes from JSON that is known to be well formed.
type jsonReader struct {
	data  []byte
	d     *json.Decoder
	at    int64 // up to where lines are counted
	lines int
}

func parseJSON(data []byte) (node, error) {
	var well json.RawMessage
	if err := json.Unmarshal(data, &well); err != nil { // it bounds the depth as well
		var bad *json.SyntaxError
		if errors.As(err, &bad) {
			return node{line: 1 + bytes.Count(data[:min(bad.Offset, int64(len(data)))], []byte("\n"))}, err
		}
		return node{}, err
	}
	r := &jsonReader{data: data, d: json.NewDecoder(bytes.NewReader(data)), lines: 1}
	r.d.UseNumber()
	return r.value()
}

func (r *jsonReader) token() (json.Token, error) {
	t, err := r.d.Token()
	end := r.d.InputOffset()
	r.lines += bytes.Count(r.data[r.at:end], []byte("\n"))
	r.at = end
	return t, err
}

func (r *jsonReader) value() (node, error) {
	t, err := r.token()
	if err != nil {
		return node{line: r.lines}, err
	}
	n := node{line: r.lines}
	switch t := t.(type) {
	case nil:
	case bool:
		n.kind, n.text = boolean, strconv.FormatBool(t)
	case json.Number:
		n.kind, n.text = number, t.String()
	case string:
		n.kind, n.text = text, t
	case json.Delim:
		n.kind = list
		if t == '{' {
			n.kind = object
		}
		return r.members(n)
	}
	return n, nil
}

// members reads a list or an object to its end.
func (r *jsonReader) members(n node) (node, error) {
	seen := map[string]bool{}
	for r.d.More() {
		if n.kind == object {
			t, err := r.token()
			if err != nil {
				return n, err
			}
			key := fmt.Sprint(t)
			if seen[key] {
				return node{line: r.lines}, fmt.Errorf("key %q stands twice", key)
			}
			seen[key] = true
			n.keys = append(n.keys, key)
		}
		v, err := r.value()
		if err != nil {
			return v, err
		}
		n.values = append(n.values, v)
	}
	_, err := r.token()
	return n, err
}

// parseYAML takes one document without aliases; nothing at all is an empty object.
func parseYAML(data []byte) (node, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return node{kind: object}, nil
	} else if err != nil {
		return node{}, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return node{line: more.Line}, errors.New("a second document; a config has one")
	}
	return fromYAML(doc.Content[0])
}

func fromYAML(y *yaml.Node) (node, error) {
	n := node{line: y.Line}
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = list
		for _, c := range y.Content {
			v, err := fromYAML(c)
			if err != nil {
				return v, err
			}
			n.values = append(n.values, v)
		}
		return n, nil
	case yaml.MappingNode:
		return fromMapping(y)
	case yaml.ScalarNode:
		return fromScalar(y)
	default:
		return n, errors.New("aliases are not taken; write the value out")
	}
}

func fromMapping(y *yaml.Node) (node, error) {
	n := node{kind: object, line: y.Line}
	seen := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind != yaml.ScalarNode {
			return node{line: key.Line}, errors.New("a key has to be a word")
		}
		if seen[key.Value] {
			return node{line: key.Line}, fmt.Errorf("key %q stands twice", key.Value)
		}
		seen[key.Value] = true
		v, err := fromYAML(y.Content[i+1])
		if err != nil {
			return v, err
		}
		n.keys, n.values = append(n.keys, key.Value), append(n.values, v)
	}
	return n, nil
}

// fromScalar spells a number as JSON does: YAML has 0x10, 1_000 and .5 too.
func fromScalar(y *yaml.Node) (node, error) {
	n := node{kind: text, text: y.Value, line: y.Line}
	switch y.ShortTag() {
	case "!!null":
		return node{kind: null, line: y.Line}, nil
	case "!!bool":
		n.kind, n.text = boolean, strings.ToLower(y.Value)
	case "!!int", "!!float":
		var v any
		if err := y.Decode(&v); err != nil {
			return n, err
		}
		n.kind, n.text = number, fmt.Sprint(v)
	}
	return n, nil
}

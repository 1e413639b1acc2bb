package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// asJSON converts a node to JSON, with numbers as YAML resolves them: 1_000 and 1e5 are whole. The value of an assignment that is
// neither a number nor JSON is a string.
func asJSON(n *yaml.Node) ([]byte, error) {
	if n.Tag == raw {
		if strings.ContainsAny(n.Value[:min(1, len(n.Value))], `{["`) && json.Valid([]byte(n.Value)) {
			return []byte(n.Value), nil
		}
		n = &yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	if v == nil {
		v = ""
	}
	return json.Marshal(v)
}

func null(n *yaml.Node) bool {
	return n.Tag == raw && n.Value == "null" || n.Tag != raw && n.ShortTag() == "!!null"
}

// followed returns the node that an alias refers to.
func followed(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// show formats a node for a message, as it was written.
func show(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "[...]"
	case n.Kind == yaml.MappingNode:
		return "{...}"
	case n.Tag != raw && n.ShortTag() == "!!str":
		return strconv.Quote(shorten(n.Value))
	}
	return shorten(n.Value)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

// within checks a number against its field's tags min and max.
func within(tag reflect.StructTag, v reflect.Value) error {
	for _, bound := range []struct {
		tag, word string
		sign      float64
	}{{"min", "least", 1}, {"max", "most", -1}} {
		text, ok := tag.Lookup(bound.tag)
		if !ok {
			continue
		}
		limit, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(fmt.Sprintf("config: tag %s:%q", bound.tag, text))
		}
		if x := v.Convert(reflect.TypeFor[float64]()).Float(); bound.sign*(x-limit) < 0 {
			return fmt.Errorf("want at %s %s", bound.word, text)
		}
	}
	return nil
}

// Check returns an error for each number of a struct that is out of the bounds of its field's tags, joined. Load and Assign check the
// numbers that they read.
func Check(options any) error {
	var errs []error
	for _, f := range Fields(options) {
		if f.Tag.Get("min") == "" && f.Tag.Get("max") == "" {
			continue
		}
		v := f.in(pointee(options))
		if err := within(f.Tag, v); err != nil {
			errs = append(errs, &Error{Key: f.Key, Value: fmt.Sprint(v.Interface()), Err: err})
		}
	}
	return errors.Join(errs...)
}

// article names a value of a type, with its article.
func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Struct:
		return "an object"
	}
	return "a " + kind(t)
}

// kind names a value of a type.
func kind(t reflect.Type) string {
	switch k := deref(t).Kind(); {
	case k == reflect.Bool:
		return "boolean"
	case k == reflect.Float32, k == reflect.Float64:
		return "number"
	case k == reflect.Slice, k == reflect.Array:
		return "list"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return "whole number that is not negative"
	case k >= reflect.Int && k <= reflect.Int64:
		return "whole number"
	case k == reflect.String:
		return "string"
	case k == reflect.Struct:
		return "object"
	}
	return deref(t).String()
}

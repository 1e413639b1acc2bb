package table

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Value is a cell of a CSV file, which is a text, or any value of a JSON object. A column that the row doesn't have is an empty text.
type Value struct {
	text string
	raw  json.RawMessage // of JSON objects; nil: text
}

// Text is the value as a text; null is an empty text. ok is false if a JSON object holds another kind of value.
func (v Value) Text() (text string, ok bool) {
	if v.raw == nil {
		return strings.Clone(v.text), true // a copy doesn't keep its whole row in memory
	}
	var s *string
	if json.Unmarshal(v.raw, &s) != nil {
		return "", false
	}
	if s == nil {
		return "", true
	}
	return *s, true
}

// Texts is the value as a list of texts. One text is a list of one, and null is an empty list. A cell of a CSV file is always one text. ok
// is false if a JSON object holds another kind of value.
func (v Value) Texts() (texts []string, ok bool) {
	if v.raw == nil {
		return []string{strings.Clone(v.text)}, true
	}
	var t Texts
	ok = json.Unmarshal(v.raw, &t) == nil
	return t, ok
}

// Name is the value as a text without white space around it. A number of a JSON object is taken as it is written. ok is false if a JSON
// object holds another kind of value.
func (v Value) Name() (name string, ok bool) {
	if number := json.Number(""); v.raw != nil && json.Unmarshal(v.raw, &number) == nil && !bytes.HasPrefix(v.raw, []byte(`"`)) {
		return number.String(), true
	}
	name, ok = v.Text()
	return strings.TrimSpace(name), ok
}

// Number is the value as it is written, without quotes and white space around it. null is empty. It need not be a number.
func (v Value) Number() string {
	text := v.text
	if v.raw != nil {
		text = strings.Trim(string(v.raw), `"`)
	}
	if text = strings.TrimSpace(text); text == "null" {
		return ""
	}
	return text
}

// Plain is the value as a person writes it: a text without white space around it, a number or a boolean as they are, and another kind of
// value of JSON as compact JSON. null is empty.
func (v Value) Plain() string {
	if text, ok := v.Text(); ok {
		return strings.TrimSpace(text)
	}
	var out bytes.Buffer
	if json.Compact(&out, v.raw) != nil {
		return ""
	}
	return out.String()
}

// List decodes a JSON list into items, a pointer to a slice. A cell of a CSV file may hold such a list too. It reports whether the value is
// a list of such items.
func (v Value) List(items any) bool {
	raw := v.raw
	if raw == nil {
		raw = json.RawMessage(v.text)
	}
	return v.IsList() && json.Unmarshal(raw, items) == nil
}

// IsList reports whether the value is a JSON list.
func (v Value) IsList() bool {
	if v.raw != nil {
		return bytes.HasPrefix(v.raw, []byte("["))
	}
	return strings.HasPrefix(v.text, "[") && json.Valid([]byte(v.text))
}

// Texts decodes a JSON text or a list of texts. null is an empty list.
type Texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var one *string
	if err := json.Unmarshal(data, &one); err == nil {
		if one != nil {
			*t = Texts{*one}
		}
		return nil
	}
	var several []string
	err := json.Unmarshal(data, &several)
	*t = several
	return err
}

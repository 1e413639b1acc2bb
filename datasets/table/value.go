package table

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Value is a cell: a text of a CSV file, or any value of an object. A column that the row doesn't have is an empty text.
type Value struct {
	text string
	raw  json.RawMessage // of objects
}

// Text is the value as a text; null is an empty one. ok is false where an object has another kind of value.
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

// Texts is the value as a text or, of objects, a list of texts; null is none. ok is false where it is neither.
func (v Value) Texts() (texts []string, ok bool) {
	if v.raw == nil {
		return []string{strings.Clone(v.text)}, true
	}
	var t Texts
	ok = json.Unmarshal(v.raw, &t) == nil
	return t, ok
}

// Name is the value as a text without white space around it or, of objects, a number as it is written. ok is false where it is
// neither.
func (v Value) Name() (name string, ok bool) {
	if number := json.Number(""); v.raw != nil && json.Unmarshal(v.raw, &number) == nil && !bytes.HasPrefix(v.raw, []byte(`"`)) {
		return number.String(), true
	}
	name, ok = v.Text()
	return strings.TrimSpace(name), ok
}

// Number is the value as it is written, without quotes and white space around it; null is empty.
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

// List decodes a list in JSON, which a cell of a CSV file may hold too. It reports whether the value is a list of such items.
func (v Value) List(items any) bool {
	raw := v.raw
	if raw == nil {
		raw = json.RawMessage(v.text)
	}
	return v.IsList() && json.Unmarshal(raw, items) == nil
}

// IsList reports whether the value is a list in JSON.
func (v Value) IsList() bool {
	if v.raw != nil {
		return bytes.HasPrefix(v.raw, []byte("["))
	}
	return strings.HasPrefix(v.text, "[") && json.Valid([]byte(v.text))
}

// Texts is a text or a list of texts in JSON; null is none.
type Texts []string

// UnmarshalJSON takes a text or a list of texts.
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

// Package columns describes the further columns of an index: what a table says of its pictures in addition to path and caption.
// A column holds texts or numbers, and any value may be missing.
package columns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Type is what a column holds.
type Type string

// The types. Numbers are float64.
const (
	Text   Type = "text"
	Double Type = "double"
)

// Column is a column of an index.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

func (c Column) String() string { return c.Name + " (" + string(c.Type) + ")" }

// Names are the names of columns, with commas between them.
func Names(list []Column) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// Find is the column of a name.
func Find(list []Column, name string) (c Column, ok bool) {
	i := slices.IndexFunc(list, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return list[i], true
}

// Conflict is a column that has one type here and another one there.
type Conflict struct {
	Name       string
	Have, Want Type
}

func (e *Conflict) Error() string {
	return fmt.Sprintf("column %s holds %s and %s", e.Name, e.Have, e.Want)
}

// Union has the columns of a, and those of b that a lacks. A name with two types is a *Conflict.
func Union(a, b []Column) ([]Column, error) {
	out := slices.Clone(a)
	for _, c := range b {
		old, ok := Find(out, c.Name)
		switch {
		case !ok:
			out = append(out, c)
		case old.Type != c.Type:
			return nil, &Conflict{c.Name, old.Type, c.Type}
		}
	}
	return out, nil
}

// Add has the columns of a, and those of b that a lacks. A name with two types has that of a.
func Add(a, b []Column) []Column {
	out := slices.Clone(a)
	for _, c := range b {
		if _, ok := Find(out, c.Name); !ok {
			out = append(out, c)
		}
	}
	return out
}

// taken are the names that an index and its exports have themselves.
var taken = []string{"image_path", "caption", "size", "mtime", "hash", "list", "camera", "taken", "latitude", "longitude", "exif", "path",
	"embedding"}

// Check refuses names that a column can't have.
func Check(name string) error {
	switch {
	case slices.ContainsFunc(taken, func(own string) bool { return strings.EqualFold(own, name) }):
		return fmt.Errorf("%q is a column that the index has itself", name)
	case name == "" || name != strings.TrimSpace(name) || len(name) > 255 || strings.ContainsFunc(name, unfit) || !isText(name):
		return fmt.Errorf("%q can't be the name of a column: it is 1 to 255 bytes of UTF-8 without < > = ! , and control characters", name)
	}
	return nil
}

func unfit(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune("<>=!,", r) }

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s }

// number is how JSON writes one: 007 is a text.
var number = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$`)

// whole is the limit of the integers that float64 holds exactly.
const whole = 1 << 53

// Number reads a number as JSON has them. Integers that float64 doesn't hold are no numbers: they are mostly names.
func Number(text string) (x float64, ok bool) {
	if text = strings.TrimSpace(text); !number.MatchString(text) {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(x) > whole && !strings.ContainsAny(text, ".eE") {
		return 0, false
	}
	return x, true
}

// Datum is a value of a column: a string or a finite float64; nil: the row has none.
type Datum struct {
	Column string
	Value  any
}

// Values are what is known of a row, by the names of the columns, ascending.
type Values []Datum

// Of is the value of a column, or nil.
func (v Values) Of(name string) any {
	for _, d := range v {
		if d.Column == name {
			return d.Value
		}
	}
	return nil
}

// Over puts values in the place of those that a row had: a nil removes one, and columns that v doesn't name keep theirs. The result has no
// nil.
func (v Values) Over(old Values) (out Values) {
	out = slices.DeleteFunc(slices.Clone(old), func(d Datum) bool {
		return d.Value == nil || slices.ContainsFunc(v, func(n Datum) bool { return n.Column == d.Column })
	})
	for _, d := range v {
		if d.Value != nil {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Datum) int { return strings.Compare(a.Column, b.Column) })
	if len(out) == 0 {
		return nil
	}
	return out
}

// MarshalJSON writes an object.
func (v Values) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, d := range v {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(d.Column); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(d.Value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object of texts and numbers.
func (v *Values) UnmarshalJSON(data []byte) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*v = nil
	for name, value := range all {
		switch value.(type) {
		case string, float64:
			*v = append(*v, Datum{name, value})
		case nil:
		default:
			return fmt.Errorf("%q is neither a text nor a number", name)
		}
	}
	slices.SortFunc(*v, func(a, b Datum) int { return strings.Compare(a.Column, b.Column) })
	return nil
}

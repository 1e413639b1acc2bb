package clipbenchmark

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"clipgo/internal/bounded"
	"clipgo/internal/fault"
)

// Result is the outcome of one task for one model and one data set.
type Result struct {
	Dataset    string // with its wds/
	Model      string
	Pretrained string
	Task       string   // zeroshot_classification, zeroshot_retrieval, linear_probe, image_caption_selection, captioning
	Metrics    []Metric // nil: none, written as null
	Language   string
	Classnames []string // nil: not written
	Templates  any      // []string, or prompts by class name as Object; nil: not written
}

// Metric is a named value: a float64 (NaN if it isn't defined), an int, a bool, a string, nil, or a list of them.
type Metric struct {
	Key   string
	Value any
}

// Object is a JSON object that keeps the order of its keys.
type Object []Metric

// Value is the metric with a key.
func (r *Result) Value(key string) (any, bool) {
	for _, m := range r.Metrics {
		if m.Key == key {
			return m.Value, true
		}
	}
	return nil, false
}

// object is the result as CLIP_benchmark orders it.
func (r *Result) object() Object {
	var metrics any
	if r.Metrics != nil {
		metrics = Object(r.Metrics)
	}
	o := Object{
		{"dataset", r.Dataset}, {"model", r.Model}, {"pretrained", r.Pretrained}, {"task", r.Task}, {"metrics", metrics},
		{"language", r.Language},
	}
	if r.Classnames != nil {
		o = append(o, Metric{"classnames", r.Classnames})
	}
	if r.Templates != nil {
		o = append(o, Metric{"templates", r.Templates})
	}
	return o
}

// JSON is the file's content, as Python's json.dump writes it. A value that isn't defined is the bare word NaN there, which strict readers
// refuse; with strict it is null.
func (r *Result) JSON(strict bool) ([]byte, error) {
	var b bytes.Buffer
	if err := dump(&b, r.object(), strict); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// MarshalJSON writes null for a value that isn't defined.
func (r *Result) MarshalJSON() ([]byte, error) { return r.JSON(true) }

// kind are the files' limits.
var kind = bounded.Kind{Name: "a result of an evaluation", Limit: 64 << 20, Fault: fault.Data}

// ReadFile reads a result. A file that isn't one is an error of kind fault.Data.
func ReadFile(path string) (*Result, error) {
	data, err := bounded.ReadFile(path, kind)
	if err != nil {
		return nil, err
	}
	r, err := Parse(data)
	if err != nil {
		return nil, fault.Dataf("%s: not a result of an evaluation: %v", path, err)
	}
	return r, nil
}

// notDefined stands for NaN while JSON is read: it can't occur in a file, since Python writes control characters as escapes.
const notDefined = "\x00NaN"

// Parse reads a result's JSON.
func Parse(data []byte) (*Result, error) {
	d := json.NewDecoder(bytes.NewReader(quoteNaN(data)))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows its end")
	}
	o, ok := v.(Object)
	if !ok {
		return nil, errors.New("it isn't an object")
	}
	r := &Result{}
	for key, to := range map[string]*string{
		"dataset": &r.Dataset, "model": &r.Model, "pretrained": &r.Pretrained, "task": &r.Task, "language": &r.Language,
	} {
		text, ok := o.get(key).(string)
		if !ok {
			return nil, fmt.Errorf("it has no %s", key)
		}
		*to = text
	}
	metrics, ok := o.get("metrics").(Object)
	if !ok && o.get("metrics") != nil {
		return nil, errors.New("its metrics aren't an object")
	}
	r.Metrics = metrics
	if r.Classnames, err = texts(o.get("classnames")); err != nil {
		return nil, fmt.Errorf("classnames: %w", err)
	}
	if r.Templates = o.get("templates"); r.Templates != nil {
		if list, err := texts(r.Templates); err == nil {
			r.Templates = list
		}
	}
	return r, nil
}

func (o Object) get(key string) any {
	for _, m := range o {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

func texts(v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("not a list")
	}
	out := []string{}
	for _, one := range list {
		text, ok := one.(string)
		if !ok {
			return nil, errors.New("not a list of texts")
		}
		out = append(out, text)
	}
	return out, nil
}

// quoteNaN makes texts of the bare words NaN, which are outside of texts.
func quoteNaN(data []byte) []byte {
	if !bytes.Contains(data, []byte("NaN")) {
		return data
	}
	quoted, err := json.Marshal(notDefined)
	if err != nil {
		return data
	}
	var out bytes.Buffer
	text, escaped := false, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && escaped:
			escaped = false
		case text && c == '\\':
			escaped = true
		case c == '"':
			text = !text
		case !text && bytes.HasPrefix(data[i:], []byte("NaN")):
			out.Write(quoted)
			i += len("NaN") - 1
			continue
		}
		out.WriteByte(data[i])
	}
	return out.Bytes()
}

// deepest bounds the nesting of values.
const deepest = 16

// readValue reads a JSON value with the order of its keys.
func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > deepest {
		return nil, errors.New("it nests too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d, depth)
		}
		return readList(d, depth)
	case string:
		if t == notDefined {
			return math.NaN(), nil
		}
		return t, nil
	case json.Number:
		if !strings.ContainsAny(t.String(), ".eE") {
			if n, err := t.Int64(); err == nil {
				return int(n), nil
			}
		}
		return t.Float64()
	}
	return token, nil
}

func readObject(d *json.Decoder, depth int) (any, error) {
	o := Object{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("a key is %v", key)
		}
		o = append(o, Metric{name, v})
	}
	_, err := d.Token()
	return o, err
}

func readList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

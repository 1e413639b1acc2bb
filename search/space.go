package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Space is where an index's vectors live: which model made them, from which pixels, and how they are kept.
type Space struct {
	Model       string          `json:"model,omitempty"`   // where the model was found, for a search that names none; not compared
	Fingerprint string          `json:"model_fingerprint"` // of the weights and the tokenizer; whoever embeds defines it
	Preprocess  json.RawMessage `json:"preprocess"`        // what the pictures went through, as JSON
	Dim         int             `json:"dim"`
	DType       DType           `json:"dtype"`
	// Precision is how the features were computed: int8, or float+int8 where some of them were. Empty: in floating point. It is not
	// compared: features of one model in either are compatible.
	Precision string `json:"precision,omitempty"`
}

// mixedPrecision is the Precision of an index with rows of both kinds.
const mixedPrecision = "float+int8"

func (s Space) check() error {
	if s.Dim < 1 {
		return fmt.Errorf("dimension %d", s.Dim)
	}
	if s.DType != Float16 && s.DType != Float32 {
		return fmt.Errorf("entries are %q, not float16 or float32", s.DType)
	}
	return nil
}

// Accepts says why vectors of another space can't be compared with those of an index, which where names; nil if they can.
func (s Space) Accepts(where string, other Space) error { return s.accepts(where, other) }

// accepts says why vectors of another space don't belong into this one. An index that clip-retrieval made knows no
// fingerprint: it accepts whatever has its dimension.
func (s Space) accepts(dir string, other Space) error {
	switch {
	case s.Fingerprint != "" && s.Fingerprint != other.Fingerprint:
		return &MismatchError{dir, "vectors of model", s.modelName(), other.modelName(),
			"use the model that made the index, or embed the pictures into a new index with this one"}
	case s.Dim != other.Dim:
		return &MismatchError{dir, "vectors of dimension", strconv.Itoa(s.Dim), strconv.Itoa(other.Dim),
			"use the model that made the index"}
	case s.Fingerprint != "" && !sameJSON(s.Preprocess, other.Preprocess):
		have, want := jsonDiffers(s.Preprocess, other.Preprocess)
		return &MismatchError{dir, "pictures prepared with", have, want,
			"leave these settings out to follow the index, or embed the pictures into a new index"}
	case other.DType != "" && other.DType != s.DType:
		return &MismatchError{dir, "entries of", string(s.DType), string(other.DType), "embed the pictures into a new index"}
	}
	return nil
}

// modelName is the model for a message: where it was found, and the beginning of its fingerprint.
func (s Space) modelName() string {
	short := s.Fingerprint
	if len(short) > 12 {
		short = short[:12]
	}
	if s.Model == "" {
		return short
	}
	return fmt.Sprintf("%s (fingerprint %s)", s.Model, short)
}

func sameJSON(a, b json.RawMessage) bool { return bytes.Equal(compactJSON(a), compactJSON(b)) }

func compactJSON(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return []byte("null")
	}
	return b.Bytes()
}

// jsonDiffers shows the keys in which two objects differ, with the value of each; of anything else, the whole.
func jsonDiffers(a, b json.RawMessage) (inA, inB string) {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || x == nil || y == nil {
		return string(compactJSON(a)), string(compactJSON(b))
	}
	var left, right []string
	keys := slices.AppendSeq(slices.Collect(maps.Keys(x)), maps.Keys(y))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !sameJSON(x[key], y[key]) {
			left, right = append(left, key+"="+jsonValue(x, key)), append(right, key+"="+jsonValue(y, key))
		}
	}
	return strings.Join(left, ", "), strings.Join(right, ", ")
}

func jsonValue(of map[string]json.RawMessage, key string) string {
	if of[key] == nil {
		return "default"
	}
	return strings.Trim(string(compactJSON(of[key])), `"`)
}

package weights

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"clipgo/internal/durable"
	"clipgo/internal/safetensors"
)

// Bundle is a model with the other files of a folder of weights.
type Bundle struct {
	Set                              // under open_clip's names
	Model      json.RawMessage       // open_clip's model_cfg
	Preprocess json.RawMessage       // open_clip's preprocess_cfg
	DType      safetensors.DType     // type to store the weights in; empty: unchanged
	Tokenizer  map[string]FileWriter // the tokenizer's files by name
	Also       map[string]FileWriter // more files by name
	Card       FileWriter            // README.md
}

// FileWriter writes the content of one file.
type FileWriter func(w io.Writer) error

// WriteOpenCLIP writes a folder that open_clip opens as local-dir:DIR. After an error the folder doesn't exist.
func WriteOpenCLIP(dir string, b Bundle) error {
	hub := struct {
		Model      json.RawMessage `json:"model_cfg"`
		Preprocess json.RawMessage `json:"preprocess_cfg"`
	}{b.Model, b.Preprocess}
	return b.write(dir, openCLIPWeights, map[string]any{openCLIPConfig: hub})
}

// WriteHF writes a folder that transformers opens with from_pretrained. A feature that its classes can't express is an *Error that names
// it.
func WriteHF(dir string, b Bundle) error {
	for _, f := range families() {
		if !f.holds(b.Model) {
			continue
		}
		configs, err := f.export(b)
		if err != nil {
			return &Error{dir, err}
		}
		if err := known(f.table, b.Set); err != nil {
			return &Error{dir, err}
		}
		b.Set = toTheirs(f.table, b.Set)
		return b.write(dir, plainWeights, configs)
	}
	return refuse(dir, "transformers has no class for this model")
}

// known returns an error for tensors without a row in the table.
func known(table []row, s Set) error {
	slots := index(table, oursToTheirs)
	for _, name := range s.Names() {
		if _, _, ok := find(slots, name); !ok {
			return fmt.Errorf("%s has no counterpart in transformers' class", name)
		}
	}
	return nil
}

// write writes weights, configs (as JSON, by name), tokenizer and card to a new folder.
func (b Bundle) write(dir, weightsName string, configs map[string]any) error {
	files := map[string]FileWriter{"README.md": b.Card}
	for name, v := range configs {
		files[name] = func(w io.Writer) error { return durable.EncodeJSON(w, v) }
	}
	maps.Copy(files, b.Tokenizer)
	maps.Copy(files, b.Also)
	files[weightsName] = b.writeTensors
	var all []durable.File
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all = append(all, durable.File{Name: name, Write: files[name]})
	}
	return durable.WriteFiles(dir, all)
}

// writeTensors holds one tensor in memory at a time.
func (b Bundle) writeTensors(w io.Writer) error {
	var plan []safetensors.Tensor
	for _, name := range b.Names() {
		dtype, shape, _ := Shape(b.Set, name)
		plan = append(plan, safetensors.Tensor{Name: name, DType: cmp.Or(b.DType, dtype), Shape: shape})
	}
	return safetensors.WriteEach(w, plan, map[string]string{"format": "pt"}, func(t safetensors.Tensor) (safetensors.Tensor, error) {
		return b.stored(t.Name)
	})
}

// stored converts a tensor to the given type. A number that the type can't represent is an error.
func (b Bundle) stored(name string) (safetensors.Tensor, error) {
	t, _ := b.Tensor(name)
	t.Name = name
	if !t.Finite() {
		return t, &Error{name, errors.New("not a finite number in it")}
	}
	if b.DType == "" || t.DType == b.DType {
		return t, nil
	}
	wide, err := t.Convert(safetensors.F32)
	if err != nil {
		return t, err
	}
	out, err := wide.Convert(b.DType)
	if err == nil && !out.Finite() {
		err = &Error{name, fmt.Errorf("a number in it is too large for %s", b.DType)}
	}
	return out, err
}

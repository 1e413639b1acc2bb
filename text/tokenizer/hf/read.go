package hf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"clipgo/text/tokenizer/trie"
)

// file is the top level of a tokenizer.json. The decoder, from ids to text, is not used.
type file struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

func read(data []byte) (*Tokenizer, error) {
	var f file
	if err := strict(data, &f); err != nil {
		return nil, err
	}
	t := &Tokenizer{padding: trie.None}
	var err error
	if t.normalize, err = readNormalizer(f.Normalizer); err != nil {
		return nil, err
	}
	if t.cut, err = readPreTokenizer(f.PreTokenizer); err != nil {
		return nil, err
	}
	if t.model, err = readModel(f.Model); err != nil {
		return nil, err
	}
	if err := t.add(f.AddedTokens); err != nil {
		return nil, err
	}
	if err := t.readTemplate(f.PostProcessor); err != nil {
		return nil, err
	}
	return t, t.readSides(f)
}

// readSides reads the padding id, and refuses truncation or padding on the left. The file's lengths are ignored, since the
// caller sets them.
func (t *Tokenizer) readSides(f file) error {
	var truncation struct {
		Direction string `json:"direction"`
	}
	var padding struct {
		Direction string `json:"direction"`
		ID        int32  `json:"pad_id"`
	}
	if present(f.Truncation) {
		if err := json.Unmarshal(f.Truncation, &truncation); err != nil {
			return fmt.Errorf("truncation: %w", err)
		}
	}
	if present(f.Padding) {
		if err := json.Unmarshal(f.Padding, &padding); err != nil {
			return fmt.Errorf("padding: %w", err)
		}
		t.padding = padding.ID
	}
	for _, side := range []string{truncation.Direction, padding.Direction} {
		if side != "" && side != "Right" {
			return fmt.Errorf("truncation or padding on the side %q isn't supported", side)
		}
	}
	if t.padding < trie.None || int(t.padding) >= t.size {
		return fmt.Errorf("padding: id %d of %d", t.padding, t.size)
	}
	return nil
}

// strict decodes JSON and refuses unknown keys.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more follows its end")
	}
	return nil
}

func present(raw json.RawMessage) bool {
	return len(raw) > 0 && string(raw) != "null"
}

// deepest bounds the nesting of sequences.
const deepest = 8

// flatten returns the parts of a component in order: itself, or the elements of its (nested) sequences under the given key.
func flatten(raw json.RawMessage, key string, depth int) ([]json.RawMessage, error) {
	if !present(raw) {
		return nil, nil
	}
	name, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if name != "Sequence" {
		return []json.RawMessage{raw}, nil
	}
	if depth == deepest {
		return nil, errors.New("sequences nest too deep")
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(parts[key], &list); err != nil || len(parts) != 2 {
		return nil, fmt.Errorf("a sequence without %s alone", key)
	}
	var all []json.RawMessage
	for _, r := range list {
		flat, err := flatten(r, key, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, flat...)
	}
	return all, nil
}

// typeOf returns a component's "type". It is usually the first key, so a large model need not be read to the end.
func typeOf(raw json.RawMessage) (string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return "", errors.New("no object with a type")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", err
		}
		if key == "type" {
			var name string
			err := d.Decode(&name)
			return name, err
		}
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			return "", err
		}
	}
	return "", errors.New("no object with a type")
}

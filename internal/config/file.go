package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"clipgo/internal/bounded"
)

// Load reads a JSON or YAML file of settings for a struct of the type of options. The file's extension (.json, .yaml, .yml) selects the
// format.
//
// It returns all errors, joined, with file and line; each is an *Error or an *UnknownKeyError.
func Load(options any, path string) (Layer, error) {
	ending := strings.ToLower(filepath.Ext(path))
	if ending != ".json" && ending != ".yaml" && ending != ".yml" {
		return nil, &Error{Where: path, Err: errors.New("a config file ends in .json, .yaml or .yml")}
	}
	data, err := read(path)
	if err != nil {
		return nil, &Error{Where: path, Err: err}
	}
	r := newReader(options, File, path)
	top, line, err := parse(data, ending == ".json")
	if err != nil {
		return nil, &Error{Where: r.at(&yaml.Node{Line: line}), Err: err}
	}
	if top.Kind != yaml.MappingNode {
		return nil, &Error{Where: r.at(top), Err: errors.New("a config file holds key: value pairs")}
	}
	r.object("", top)
	return r.layer, errors.Join(r.errs...)
}

// read reads a config file and removes a byte order mark.
func read(path string) ([]byte, error) {
	data, err := bounded.ReadFile(path, bounded.Settings)
	if refused, ok := errors.AsType[*bounded.Error](err); ok {
		err = errors.New(refused.Reason) // the caller names the file
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), err
}

// parse reads one document. JSON is also parsed by the YAML decoder, since that has line numbers. An error is returned with its line, or
// with 0 if its text has the line already.
func parse(data []byte, isJSON bool) (top *yaml.Node, line int, err error) {
	if isJSON {
		var well json.RawMessage
		err := json.Unmarshal(data, &well)
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			line = 1 + bytes.Count(data[:min(bad.Offset, int64(len(data)))], []byte("\n"))
		}
		if err != nil {
			return nil, line, err
		}
		data = pairs.ReplaceAllFunc(data, joined)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return &yaml.Node{Kind: yaml.MappingNode}, 0, nil
	case err != nil:
		return nil, 0, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, more.Line, errors.New("a second document; a config has one")
	}
	var whole any // for the decoder's own checks: repeated keys, aliases without end
	if err := doc.Decode(&whole); err != nil {
		wrong, ok := errors.AsType[*yaml.TypeError](err)
		if !ok {
			return nil, 0, err
		}
		text := wrong.Errors[0]
		if _, err := fmt.Sscanf(text, "line %d:", &line); err == nil {
			_, text, _ = strings.Cut(text, ": ")
		}
		return nil, line, errors.New(text)
	}
	return doc.Content[0], 0, nil
}

// pairs matches a character that JSON escapes as a UTF-16 surrogate pair, which YAML doesn't support. It skips an escaped backslash.
var pairs = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)

func joined(escape []byte) []byte {
	var s string
	if len(escape) == 2 || json.Unmarshal([]byte(`"`+string(escape)+`"`), &s) != nil {
		return escape
	}
	return []byte(s)
}

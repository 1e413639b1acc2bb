package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxFile is the size in bytes of a config file beyond which it is taken for something else.
const maxFile = 4 << 20

// Load gives fields of the struct that target points to the values of a JSON or YAML file, decided by the name's
// ending (.json, .yaml, .yml). What the file says nothing of keeps its value.
//
// All mistakes are returned, joined, with file and line; each is an *Error or an *UnknownKeyError. The struct is then
// partly set.
func Load(target any, path string) error {
	f := newFiller(target, path)
	data, err := read(path)
	if err != nil {
		return &Error{Where: path, Err: err}
	}
	var top node
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		top, err = parseJSON(data)
	case ".yaml", ".yml":
		top, err = parseYAML(data)
	default:
		err = errors.New("a config file ends in .json, .yaml or .yml")
	}
	if err == nil && top.kind != object {
		err = errors.New("a config file holds key: value pairs")
	}
	if err != nil {
		return &Error{Where: f.where(top), Err: err}
	}
	f.object(f.root, top, "")
	return errors.Join(f.errs...)
}

// read reads a file of a sensible size, without a byte order mark.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("more than %d MB", maxFile>>20)
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

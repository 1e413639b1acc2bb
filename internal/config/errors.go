// Package config merges settings from several places into a struct of options and remembers where each one comes from.
//
// A key is the path of JSON names to a field, joined by dots. A place (defaults, a JSON or YAML file, flags, key=value
// assignments) is a Layer: the keys that it sets, checked against the fields' types. Merge puts layers over each other,
// and Decode fills the struct.
//
// Lines come from the YAML decoder, and encoding/json fills the fields: what it writes of a struct (run.json) is what is
// read here. A decoder of maps such as mapstructure would cut 1.5 down to 1 and let int8 overflow without an error.
//
// Tags of a field beside json: min and max bound a number that a user sets. Other tags are the caller's, who finds them by Fields.
package config

import (
	"clipgo/internal/fault"
	"errors"
	"fmt"
	"strings"
)

// Error reports a setting that can't be used.
type Error struct {
	Where string // the file, with the line if it is known, or the flag
	Key   string // empty for an error of the whole file
	Value string // as written, shortened
	Err   error  // what is wrong, or what is expected
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Where != "" {
		b.WriteString(e.Where + ": ")
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "%s = %s: ", e.Key, e.Value)
	}
	return b.String() + e.Err.Error()
}

// Fault is the error's kind.
func (e *Error) Fault() fault.Kind { return fault.Usage }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// UnknownKeyError reports a key that no field has. Nearest is a known key with a similar spelling, or empty.
type UnknownKeyError struct {
	Where        string // as in Error
	Key, Nearest string
}

func (e *UnknownKeyError) Error() string {
	text := fmt.Sprintf("unknown key %q", e.Key)
	if e.Where != "" {
		text = e.Where + ": " + text
	}
	if e.Nearest != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return text
}

// Fault is the error's kind.
func (e *UnknownKeyError) Fault() fault.Kind { return fault.Usage }

// IsUsage reports whether an error is about the user's input.
func IsUsage(err error) bool {
	var bad *Error
	var unknown *UnknownKeyError
	return errors.As(err, &bad) || errors.As(err, &unknown)
}

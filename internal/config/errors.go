// Package config fills structs from key=value assignments and from JSON or YAML files, and says what is wrong with them.
//
// A key is the path of JSON names to a field, joined by dots; what a value may be is decided by the field's type.
package config

import (
	"errors"
	"fmt"
	"strings"
)

// Error is a setting that can't be used.
type Error struct {
	Where string // the file, with a line where it is known; empty for an assignment
	Key   string // empty where the whole file is meant
	Value string // as written, shortened
	Err   error  // what is wrong, or what was wanted
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

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// UnknownKeyError is a key that no field has. Nearest is a known one that is spelt much alike, or empty.
type UnknownKeyError struct{ Key, Nearest string }

func (e *UnknownKeyError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("unknown key %q", e.Key)
	}
	return fmt.Sprintf("unknown key %q; did you mean %q?", e.Key, e.Nearest)
}

// IsUsage tells whether an error is about what the user wrote.
func IsUsage(err error) bool {
	var bad *Error
	var unknown *UnknownKeyError
	return errors.As(err, &bad) || errors.As(err, &unknown)
}

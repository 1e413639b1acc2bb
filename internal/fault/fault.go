// Package fault sorts errors by what the caller can do about them. A library error says its kind with a method
// Fault() Kind; a command turns the kind into an exit code, a server into a status.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Kind is what an error means for the caller.
type Kind int

// The kinds, weakest first: of several joined errors the strongest one counts.
const (
	Failed Kind = iota // anything else: the disk is full, the network is down
	Usage              // a setting or a path that can't be meant
	Data               // data that is refused
	Model              // a model, checkpoint or index that is refused
	InUse              // another process uses the output
)

// Error is an error with a kind.
type Error struct {
	Key    string // the setting that it is about, by its dotted key; "" where it is about none
	Reason string
	kind   Kind
	cause  error
}

// Error is the reason, behind the key.
func (e *Error) Error() string {
	if e.Key == "" {
		return e.Reason
	}
	return e.Key + ": " + e.Reason
}

// Fault is the error's kind.
func (e *Error) Fault() Kind { return e.kind }

// Unwrap is what %w named.
func (e *Error) Unwrap() error { return e.cause }

// Usagef is an error of kind Usage.
func Usagef(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...), kind: Usage}
}

// Setting is an error of kind Usage about one setting.
func Setting(key, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Key: key, Reason: err.Error(), kind: Usage, cause: errors.Unwrap(err)}
}

// Modelf is an error of kind Model about what is at a path, or has a name.
func Modelf(path, format string, args ...any) error {
	return &Error{Reason: path + ": " + fmt.Sprintf(format, args...), kind: Model}
}

// Dataf is an error of kind Data.
func Dataf(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...), kind: Data}
}

// sentinel is an error that is compared by identity.
type sentinel struct {
	text string
	kind Kind
}

func (s *sentinel) Error() string { return s.text }

// Fault is the error's kind.
func (s *sentinel) Fault() Kind { return s.kind }

// New is an error of a kind for errors.Is, as errors.New makes one without.
func New(kind Kind, text string) error { return &sentinel{text, kind} }

// Of is the kind of an error: the strongest in its tree. A path that doesn't exist, or leads through a file, is Usage where
// nothing stronger is said.
func Of(err error) Kind {
	kind := Failed
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		kind = Usage
	}
	return max(kind, strongest(err))
}

func strongest(err error) Kind {
	kind := Failed
	if k, ok := err.(interface{ Fault() Kind }); ok {
		kind = k.Fault()
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			kind = max(kind, strongest(inner))
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			kind = max(kind, strongest(inner))
		}
	}
	return kind
}

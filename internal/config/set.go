package config

import (
	"errors"
	"reflect"
	"strings"
)

// Set gives fields of the struct that target points to the values of key=value assignments, the last of a key last.
//
// A list is a,b,c or JSON, an object JSON; null clears a pointer. All mistakes are returned, joined; each is an *Error
// or an *UnknownKeyError. The struct is then partly set.
func Set(target any, assignments []string) error {
	f := newFiller(target, "")
	for _, a := range assignments {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			f.errs = append(f.errs, &Error{Err: errors.New("want key=value, not " + node{kind: text, text: a}.show())})
			continue
		}
		n := node{kind: raw, text: value}
		if v, ok := f.find(key); ok {
			f.fill(v, n, key)
		}
	}
	return errors.Join(f.errs...)
}

// find follows a dotted key to its field. Where there is none it reports the first part that is not known.
func (f *filler) find(key string) (reflect.Value, bool) {
	v, parent := f.root, ""
	for name := range strings.SplitSeq(key, ".") {
		if v = own(v); !nested(v.Type()) {
			f.errs = append(f.errs, &UnknownKeyError{Key: key, Nearest: parent})
			return v, false
		}
		m, ok := member(v, name)
		if !ok {
			f.unknown(parent, name, v.Type(), node{})
			return v, false
		}
		v, parent = m, join(parent, name)
	}
	return v, true
}

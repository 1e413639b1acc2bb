package store

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// MissingError reports a name without an object.
type MissingError struct {
	Name    string
	Nearest string // a name that exists; empty: none is known
	Reason  string // empty: there is no such object
}

func (e *MissingError) Error() string {
	reason := e.Reason
	switch {
	case reason != "":
	case isPattern(e.Name):
		reason = "nothing matches the pattern"
	default:
		reason = "there is no such object"
	}
	if e.Nearest != "" {
		reason += "; the nearest name is " + e.Nearest
	}
	return fmt.Sprintf("%s: %s", e.Name, reason)
}

// Is makes it an fs.ErrNotExist.
func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// isPattern reports whether a name has characters that path.Match doesn't take literally.
func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// literalPrefix is the beginning of a pattern, up to its first special character.
func literalPrefix(pattern string) string {
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// matcher says which names a pattern stands for; a name that is the pattern itself is meant literally.
func matcher(pattern string) (func(name string) bool, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	return func(name string) bool {
		ok, _ := path.Match(pattern, name) // the pattern is valid
		return ok || name == pattern
	}, nil
}

// nearer is the one of two names, of which best may be empty, that has more of a wanted name's beginning and end.
func nearer(wanted, best, other string) string {
	if best == "" || likeness(wanted, other) > likeness(wanted, best) {
		return other
	}
	return best
}

func likeness(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	m := 0
	for m < len(a)-n && m < len(b)-n && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return 2*(n+m) - max(len(a), len(b))
}

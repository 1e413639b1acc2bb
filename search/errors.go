package search

import (
	"errors"
	"fmt"
)

// ErrNoDirection is a query whose terms cancel each other out.
var ErrNoDirection = errors.New("query: the terms cancel each other out")

// CorruptError says that a file of an index can't be used, and why.
type CorruptError struct{ File, Reason string }

func (e *CorruptError) Error() string {
	return fmt.Sprintf("index is damaged: %s: %s", e.File, e.Reason)
}

// MismatchError says that an index and what is asked of it don't belong together.
type MismatchError struct{ Dir, What, Have, Want string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("index %s has %s %s, not %s", e.Dir, e.What, e.Have, e.Want)
}

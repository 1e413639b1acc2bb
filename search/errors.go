package search

import (
	"errors"
	"fmt"
	"path/filepath"

	"clipgo/internal/fault"
	"clipgo/internal/paths"
)

// ErrNoDirection is a query whose terms cancel each other out.
var ErrNoDirection = fault.New(fault.Usage, "query: the terms cancel each other out")

// ErrUnavailable is an index that can't be asked now, such as one in a database that has gone away. Later it may answer.
var ErrUnavailable = errors.New("the index can't be reached")

// CorruptError says that a file of an index can't be used, and why.
type CorruptError struct{ File, Reason string }

func (e *CorruptError) Error() string {
	return fmt.Sprintf("index is damaged: %s: %s", e.File, e.Reason)
}

// Fault is the error's kind.
func (e *CorruptError) Fault() fault.Kind { return fault.Model }

// Index is the directory of the index, and whether the file belongs to a segment, so that OpenRepair can leave it out. It is empty
// where there is no index of clipgo's.
func (e *CorruptError) Index() (dir string, segment bool) {
	dir = filepath.Dir(e.File)
	if segment = segmentNumber(filepath.Base(e.File)) >= 0; segment {
		dir = filepath.Dir(dir)
	}
	if !paths.Exists(filepath.Join(dir, metaName)) {
		return "", false
	}
	return dir, segment
}

// MismatchError says that an index and what is asked of it don't belong together.
type MismatchError struct {
	Dir, What, Have, Want string
	Remedy                string // what to do about it; may be empty
}

func (e *MismatchError) Error() string {
	text := fmt.Sprintf("index %s has %s %s, not %s", e.Dir, e.What, e.Have, e.Want)
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Fault is the error's kind.
func (e *MismatchError) Fault() fault.Kind { return fault.Model }

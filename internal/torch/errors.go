package torch

import (
	"errors"
	"fmt"
	"strings"
)

// Error is an operation that libtorch refused. Operations panic with it; Do returns it.
type Error struct {
	Op     string    // the operation, as its Go method is named
	Shapes [][]int64 // the operands' shapes, in order
	Text   string    // libtorch's first line
}

func (e *Error) Error() string {
	var shapes []string
	for _, s := range e.Shapes {
		shapes = append(shapes, fmt.Sprint(s))
	}
	return fmt.Sprintf("torch: %s%s: %s", e.Op, strings.Join(shapes, " x "), e.Text)
}

// OutOfMemory reports whether the operation failed because the device ran out of memory.
func (e *Error) OutOfMemory() bool {
	for _, said := range []string{"out of memory", "can't allocate memory", "not enough memory", "bad_alloc"} {
		if strings.Contains(e.Text, said) {
			return true
		}
	}
	return false
}

// ErrUnavailable is wrapped by every error of loading libtorch.
var ErrUnavailable = errors.New("libtorch is not available")

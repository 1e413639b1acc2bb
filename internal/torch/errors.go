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

// OutOfMemory says whether the device had no room for the result.
func (e *Error) OutOfMemory() bool {
	for _, said := range []string{"out of memory", "can't allocate memory", "not enough memory", "bad_alloc"} {
		if strings.Contains(e.Text, said) {
			return true
		}
	}
	return false
}

// ErrUnavailable wraps every reason why libtorch could not be loaded.
var ErrUnavailable = errors.New("libtorch is not available")

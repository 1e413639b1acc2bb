package preprocess

import "fmt"

// Limits bound the files that are decoded. They are checked against a file's size and header before memory for pixels is allocated.
type Limits struct {
	Bytes  int // size of the file
	Pixels int // width times height
	Side   int // pixels of the longer side
}

// DefaultLimits are 64 MB, 64 megapixels and 16,384 pixels a side.
func DefaultLimits() Limits { return Limits{Bytes: 64 << 20, Pixels: 64 << 20, Side: 16384} }

// RefusedError reports a picture that is not decoded because of its size.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "refused: " + e.Reason }

func (l Limits) checkBytes(n int) error {
	if n > l.Bytes {
		return &RefusedError{fmt.Sprintf("the file has %d bytes, the limit is %d", n, l.Bytes)}
	}
	return nil
}

func (l Limits) checkSize(width, height int) error {
	switch {
	case width < 1 || height < 1:
		return fmt.Errorf("a picture of %d x %d pixels", width, height)
	case width > l.Side || height > l.Side:
		return &RefusedError{fmt.Sprintf("%d x %d pixels, the limit is %d a side", width, height, l.Side)}
	case width > l.Pixels/height:
		return &RefusedError{fmt.Sprintf("%d x %d pixels, the limit is %d in all", width, height, l.Pixels)}
	}
	return nil
}

package preprocess

import "fmt"

// Limits bound the files that are decoded, and the memory for it. Sizes are checked against a file's length and header before memory for
// pixels is allocated. No limit changes the pixels of a picture that is within it.
type Limits struct {
	Bytes  int `json:"-"`                        // size of the file
	Pixels int `json:"max_image_pixels" min:"1"` // width times height
	Side   int `json:"max_image_side" min:"1"`   // pixels of the longer side
	// Memory is what all pictures that are being decoded in this process may take together, in MB. A picture that needs more is decoded
	// while no other one is. 0: 512.
	Memory int `json:"decode_memory_mb" min:"0"`
}

// defaultMemory is Limits.Memory if it is 0.
const defaultMemory = 512

// DefaultLimits are those of training: 64 MB, 64 megapixels (67,108,864) and 16,384 pixels a side.
func DefaultLimits() Limits {
	return Limits{Bytes: 64 << 20, Pixels: 64 << 20, Side: 16384, Memory: defaultMemory}
}

// WideLimits are those of commands that look at each picture once: 64 MB, 200,000,000 pixels, and 65,535 pixels a side, which is JPEG's
// largest.
func WideLimits() Limits {
	return Limits{Bytes: 64 << 20, Pixels: 200_000_000, Side: 65535, Memory: defaultMemory}
}

// memory is Limits.Memory in bytes.
func (l Limits) memory() int {
	if l.Memory == 0 {
		return defaultMemory << 20
	}
	return l.Memory << 20
}

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
		return &RefusedError{fmt.Sprintf("%d x %d pixels, the limit is %d a side (max_image_side)", width, height, l.Side)}
	case width > l.Pixels/height:
		return &RefusedError{fmt.Sprintf("%d x %d pixels, the limit is %d in all (max_image_pixels)", width, height, l.Pixels)}
	}
	return nil
}

// huge reports whether a picture is larger than DefaultLimits.
func huge(width, height int) bool {
	return DefaultLimits().checkSize(width, height) != nil
}

package nn

import "fmt"

// The largest sizes that a config may ask for. The largest published models stay far below them; a larger number is a mistake or an
// attack, and would overflow or take all memory before anything is compared with weights.
const (
	MaxWidth  = 1 << 16 // of tokens, and of the common space
	MaxLayers = 1 << 10 // of one tower; the largest has 64
	MaxTokens = 1 << 16 // patches of a picture, or learned queries
	MaxWords  = 1 << 14 // tokens of a caption: attention compares each with each
	MaxVocab  = 1 << 22
	MaxImage  = 1 << 12 // pixels of a side
	MaxRatio  = 64      // width of an MLP in widths of its block
)

// Within checks a size of a config against its limit; it names the key.
func Within(key string, value, limit int) error {
	switch {
	case value <= 0:
		return fmt.Errorf("%s: %d is not positive", key, value)
	case value > limit:
		return fmt.Errorf("%s: %d is more than %d, the limit", key, value, limit)
	}
	return nil
}

// CheckRatio checks the ratio between the widths of a block and of its MLP.
func CheckRatio(key string, ratio float64, width int) error {
	switch {
	case !(ratio > 0):
		return fmt.Errorf("%s: %g is not positive", key, ratio)
	case ratio > MaxRatio:
		return fmt.Errorf("%s: %g is more than %d, the limit", key, ratio, MaxRatio)
	case width > 0 && int(float64(width)*ratio) == 0:
		return fmt.Errorf("%s: %g of a width of %d leaves the MLP no unit", key, ratio, width)
	}
	return nil
}

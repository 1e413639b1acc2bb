package text_test

import (
	"fmt"

	"clipgo/text"
)

// A position table of two tokens, each of width 1, is stretched to four.
func ExampleResizePositions() {
	fmt.Println(text.ResizePositions([]float32{0, 4}, 1, 4))
	// Output: [0 1 3 4]
}

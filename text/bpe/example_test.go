package bpe_test

import (
	"fmt"

	"clipgo/text/bpe"
)

// A caption becomes the ids that CLIP's text tower reads: Start, its words, End, and zeros up to the context length.
func Example() {
	t := bpe.New()
	ids := make([]int32, 8)
	n := t.Fill(ids, "A photo of a cat")
	fmt.Println(n, ids)
	fmt.Println(t.Decode(ids))
	// Output:
	// 7 [49406 320 1125 539 320 2368 49407 0]
	// a photo of a cat
}

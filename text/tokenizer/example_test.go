package tokenizer_test

import (
	"fmt"

	"clipgo/text/bpe"
	"clipgo/text/tokenizer"
)

// A folder without tokenizer files has CLIP's tokenizer. Captions that are too long are cut.
func Example() {
	t, err := tokenizer.Open("testdata-has-none", tokenizer.Spec{VocabSize: bpe.VocabSize})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := make([]int32, 5)
	n, cut := t.FillCut(ids, "a photo of a cat")
	fmt.Println(n, cut, ids)
	// Output: 5 true [49406 320 1125 539 49407]
}

package weights_test

import (
	"fmt"

	"clipgo/weights"
)

// A checkpoint of any layout, here a folder of transformers, is read under open_clip's names, without libtorch.
func Example() {
	c, err := weights.Open("../testdata/golden/model/clip-gelu/hf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for _, name := range c.Names()[:4] {
		dtype, shape, _ := weights.Shape(c, name)
		fmt.Println(name, dtype, shape)
	}
	// Output:
	// logit_scale F32 []
	// positional_embedding F32 [16 24]
	// token_embedding.weight F32 [512 24]
	// transformer.resblocks.0.ln_1.bias F32 [24]
}

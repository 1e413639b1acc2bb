package vision_test

import (
	"fmt"

	"clipgo/vision"
)

// The sizes of SigLIP's image towers are known by the names that open_clip takes from timm.
func ExampleTimm() {
	c, ok := vision.Timm("vit_base_patch16_siglip_224")
	fmt.Println(ok, c.Width, "wide,", c.Layers, "layers, patches of", c.PatchSize)
	// Output: true 768 wide, 12 layers, patches of 16
}

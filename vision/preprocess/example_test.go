package preprocess_test

import (
	"fmt"

	"clipgo/vision/preprocess"
)

// A picture of 4 x 2 pixels, white at the right, becomes a square: its shorter side is resized to 2 pixels, and the centre is cropped.
func ExampleConfig_Apply() {
	white := []uint8{255, 255, 255}
	pix := make([]uint8, 4*2*3)
	for y := range 2 {
		copy(pix[(4*y+2)*3:], white)
		copy(pix[(4*y+3)*3:], white)
	}
	config := preprocess.Default()
	config.Size = 2
	square := make([]uint8, 2*2*3) // [Size, Size, 3]
	err := config.Apply(square, preprocess.FromRGB(pix, 4, 2))
	fmt.Println(square, err)
	// Output: [0 0 0 255 255 255 0 0 0 255 255 255] <nil>
}

// The training transform is a function of its arguments alone: the same key gives the same crop, another key another one.
func ExampleConfig_Train() {
	config := preprocess.Default()
	config.Size = 8
	pix := make([]uint8, 24*32*3)
	for i := range pix {
		pix[i] = uint8(i % 251)
	}
	im := preprocess.FromRGB(pix, 32, 24)
	crop := func(key uint64) string {
		square := make([]uint8, 8*8*3)
		if err := config.Train(square, im, preprocess.DefaultAugment(), key); err != nil {
			return err.Error()
		}
		return string(square)
	}
	fmt.Println(crop(7) == crop(7), crop(7) == crop(8))
	// Output: true false
}

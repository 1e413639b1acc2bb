package model_test

import (
	"context"
	"fmt"
	"math"

	"clipgo/model"
)

// A model is made from a config and maps a picture to a unit vector. Load is New with trained weights.
func Example() {
	ctx := context.Background()
	config, err := model.NamedConfig("ViT-Nano-16-64")
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := model.New(ctx, config, 1, model.On())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	side := m.Preprocess.Size
	feature, err := m.EmbedImages(ctx, make([]uint8, side*side*3), 1) // one black picture
	var square float64
	for _, v := range feature {
		square += float64(v) * float64(v)
	}
	fmt.Printf("%d pixels wide, %d numbers, length %.3f, %v\n", side, len(feature), math.Sqrt(square), err)
	// Output: 64 pixels wide, 128 numbers, length 1.000, <nil>
}

// Declare lays a model out without memory for its parameters, which needs no libtorch.
func ExampleDeclare() {
	config, err := model.NamedConfig("ViT-B-32")
	if err != nil {
		fmt.Println(err)
		return
	}
	m := model.Declare(config)
	fmt.Println(m.ParameterCount(), "parameters,", m.VisionParameterCount(), "of them in the image tower")
	// Output: 151277313 parameters, 87849216 of them in the image tower
}

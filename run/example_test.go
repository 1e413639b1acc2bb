package run_test

import (
	"context"
	"fmt"
	"os"

	"clipgo/run"
)

// A model is trained on pictures with captions. The directory then holds its checkpoints, metrics and report; resume=latest continues.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "clipgo-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	options, err := run.New(ctx, "train_data=builtin:shapes?n=320", "model=ViT-Nano-16-64", "batch_size=32", "steps=10", "out="+dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := run.Train(ctx, options, run.Console{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Values["step"], "steps,", result.Values["samples"], "pairs")
	// Output: 10 steps, 320 pairs
}

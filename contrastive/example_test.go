package contrastive_test

import (
	"context"
	"fmt"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/text/bpe"
	"clipgo/training"
	"clipgo/vision/preprocess"
)

// A fresh model is trained for ten steps on drawn pictures with captions.
func Example() {
	ctx := context.Background()
	source, _ := datasets.Open(ctx, "builtin:shapes?n=640", datasets.Options{})
	config, _ := model.NamedConfig("ViT-Nano-16-64")
	m, err := model.New(ctx, config, 1, model.On())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	loader := datasets.Loader{
		Source: source, Order: datasets.Shuffled, BatchSize: 32, Size: m.Preprocess.Size, ContextLength: config.Text.ContextLength,
		Tokens: bpe.New().FillCut,
		Pixels: func(dst []uint8, p datasets.Picture, _ uint64) error {
			return m.Preprocess.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
		},
	}
	objective := &contrastive.Objective{Model: m, Loss: contrastive.InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	trainer, _ := training.New(ctx, objective, training.DefaultAdamW(), training.Schedule{Kind: training.Cosine, Warmup: 3, Steps: 10})
	defer trainer.Free()
	err = trainer.Run(ctx, loader.Batches(ctx, 0, 640))
	fmt.Println(trainer.Progress.Step, "steps,", trainer.Progress.Samples, "pairs,", err)
	// Output: 10 steps, 320 pairs, <nil>
}

package alignment_test

import (
	"context"
	"fmt"

	"clipgo/alignment"
	"clipgo/datasets"
	"clipgo/model"
	"clipgo/text/bpe"
	"clipgo/training"
	"clipgo/vision/preprocess"
)

// A model learns from pairs of captions, of which one fits the picture better, to score pictures with captions.
func Example() {
	ctx := context.Background()
	pairs, _ := datasets.OpenPreferences(ctx, "builtin:shapes-preferences?n=160", datasets.Options{})
	config, _ := model.NamedConfig("ViT-Nano-16-64")
	m, err := model.New(ctx, config, 1, model.On())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	loader := datasets.Loader{
		Source: pairs, Pairs: pairs, Order: datasets.Shuffled, BatchSize: 16, Size: m.Preprocess.Size,
		ContextLength: config.Text.ContextLength,
		Tokens:        bpe.New().FillCut,
		Pixels: func(dst []uint8, p datasets.Picture, _ uint64) error {
			return m.Preprocess.Apply(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height))
		},
	}
	reward := alignment.Reward{Model: m}
	objective := &alignment.Preference{Reward: reward, Preferred: pairs.Preferred}
	trainer, _ := training.New(ctx, objective, training.DefaultAdamW(), training.Schedule{Kind: training.Const, Steps: 5})
	defer trainer.Free()
	err = trainer.Run(ctx, loader.Batches(ctx, 0, 160))
	fmt.Println(trainer.Progress.Step, "steps,", err)
	for b := range loader.Batches(ctx, 0, 16) {
		first, second, err := reward.Measure(ctx, b)
		fmt.Println(len(first), "rewards of first captions,", len(second), "of second ones,", err)
	}
	// Output:
	// 5 steps, <nil>
	// 16 rewards of first captions, 16 of second ones, <nil>
}

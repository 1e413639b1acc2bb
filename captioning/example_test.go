package captioning_test

import (
	"context"
	"fmt"

	"clipgo/captioning"
	"clipgo/model"
	"clipgo/text/bpe"
)

// A model with a decoder writes a caption of a picture. This one is not trained, so that the caption is nonsense of the length
// that is asked for.
func Example() {
	ctx := context.Background()
	config, _ := model.NamedConfig("coca_ViT-Nano-16-64")
	m, err := model.New(ctx, config, 1, model.On())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Free()
	captioner, err := captioning.Of(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	tokenizer := bpe.New()
	how := captioning.DefaultGeneration()
	how.Start, how.End, how.MinLength, how.MaxLength = bpe.Start, bpe.End, 5, 5
	side := m.Preprocess.Size
	captions, err := captioner.Generate(ctx, make([]uint8, side*side*3), 1, how)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(captions), "caption of", len(captions[0].IDs), "tokens:", tokenizer.Decode(captions[0].IDs) != "")
	// Output: 1 caption of 5 tokens: true
}

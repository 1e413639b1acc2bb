// Package modeltest gives tests small models, batches for them, and the golden models with their inputs and outputs.
package modeltest

import (
	"math/rand/v2"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/model"
	"clipgo/text"
	"clipgo/vision"
)

// InBFloat16 is the CPU in bfloat16.
func InBFloat16() model.Placement {
	return model.Placement{Device: torch.CPU, DType: torch.BFloat16}
}

// TinyConfig is a CLIP of two layers a tower: pictures of 16 x 16 in patches of 4, captions of 12 tokens of 50.
func TinyConfig() model.Config {
	c := model.Config{EmbedDim: 16, Vision: vision.Default(), Text: text.Default()}
	c.Vision.ImageSize, c.Vision.PatchSize, c.Vision.Layers, c.Vision.Width, c.Vision.HeadWidth = 16, 4, 2, 32, 16
	c.Text.ContextLength, c.Text.VocabSize, c.Text.Layers, c.Text.Width, c.Text.Heads = 12, 50, 2, 32, 2
	return c
}

// TinyCoCaConfig is a CoCa of one layer in the image tower and two in the text tower and the decoder, for inputs of TinyConfig's sizes.
func TinyCoCaConfig() model.Config {
	c := model.Config{EmbedDim: 16, Vision: vision.Default(), Text: text.Default(), CustomText: true}
	v, w := &c.Vision, &c.Text
	v.ImageSize, v.PatchSize, v.Layers, v.Width, v.HeadWidth = 16, 4, 1, 32, 16
	v.AttentionalPool, v.OutputTokens, v.AttnPoolerQueries, v.AttnPoolerHeads = true, true, 5, 2
	w.ContextLength, w.VocabSize, w.Layers, w.Width, w.Heads = 12, 50, 2, 16, 2
	w.EmbedCls, w.OutputTokens = true, true
	c.Multimodal = &text.DecoderConfig{ContextLength: 12, VocabSize: 50, Width: 16, Heads: 2, Layers: 2}
	return c
}

// Unchanged leaves a config as it is.
func Unchanged(*model.Config) {}

// SigLIP makes a tiny config one of SigLIP's.
func SigLIP(c *model.Config) {
	bias := -10.0
	c.EmbedDim, c.CustomText, c.InitLogitBias = 32, true, &bias
	c.Vision.TimmModelName, c.Vision.TimmPool, c.Vision.TimmProj = "vit_tiny", "map", "none"
	c.Text.NoCausalMask, c.Text.PoolType, c.Text.ProjBias = true, "last", true
	c.Text.NormKwargs = &nn.NormKwargs{Eps: 1e-6}
}

// NewTiny is a fresh model of TinyConfig with a change, on the CPU in float32. It is freed after the test.
func NewTiny(t testing.TB, change func(c *model.Config)) *model.Model {
	t.Helper()
	return NewTinyOn(t, model.On(), change)
}

// NewTinyOn is NewTiny in another place; the weights are the same.
func NewTinyOn(t testing.TB, at model.Placement, change func(c *model.Config)) *model.Model {
	t.Helper()
	c := TinyConfig()
	change(&c)
	return New(t, c, at)
}

// New is a fresh model of a config, from seed 1. It is freed after the test.
func New(t testing.TB, c model.Config, at model.Placement) *model.Model {
	t.Helper()
	torchtest.Need(t)
	m, err := model.New(t.Context(), c, 1, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// Pairs makes n different pictures, each with a caption of its own, at a position of an endless stream.
func Pairs(c model.Config, n int, position int64) *datasets.Batch {
	rng := rand.New(rand.NewPCG(uint64(position), 9))
	size, l := c.Vision.ImageSize, c.Text.ContextLength
	longest := l - 2 // words
	if c.Text.EmbedCls {
		longest = l - 5 // the class token takes a place, too
	}
	b := &datasets.Batch{N: n, ContextLength: l, Next: position + int64(n), Pixels: make([]uint8, n*size*size*3), IDs: make([]int32, n*l)}
	for i := range b.Pixels {
		b.Pixels[i] = uint8(rng.Uint32())
	}
	for i := range n {
		words := 1 + rng.IntN(longest)
		b.MaxTokens = max(b.MaxTokens, words+2)
		b.Lengths = append(b.Lengths, words+2)
		row := b.IDs[i*l:]
		row[0], row[words+1] = int32(c.Text.VocabSize-2), int32(c.Text.VocabSize-1)
		for k := range words {
			row[1+k] = 1 + int32(rng.IntN(c.Text.VocabSize-3))
		}
		b.DropKeys = append(b.DropKeys, rng.Uint64())
	}
	return b
}

// Warm lets a model make the copies that its passes read, so that a test can count handles.
func Warm(t testing.TB, m *model.Model) *model.Model {
	t.Helper()
	side := m.Config.Vision.ImageSize
	if _, err := m.EmbedImages(t.Context(), make([]uint8, 3*side*side), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := m.EmbedTokens(t.Context(), make([]int32, m.Config.Text.ContextLength), 1); err != nil {
		t.Fatal(err)
	}
	return m
}

// Param is the parameter of a name; nil where there is none.
func Param(params []*nn.Param, name string) *nn.Param {
	for _, p := range params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Leaves are the tensors of parameters.
func Leaves(params []*nn.Param) []*torch.Tensor {
	out := make([]*torch.Tensor, len(params))
	for i, p := range params {
		out[i] = p.Tensor()
	}
	return out
}

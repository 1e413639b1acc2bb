package alignment

import (
	"context"
	"fmt"
	"io"
	"slices"

	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/torch"
	"clipgo/model"
)

// Reward scores a picture with a caption. Without a Head it is the model's own score, scale * cosine, as in PickScore
// (Kirstain et al., 2023) and HPS (Wu et al., 2023).
type Reward struct {
	Model *model.Model
	Head  *Head // nil: none
}

// Score is the reward of each row: images and texts are unit features [n, E], the result [n].
func (r Reward) Score(images, texts *torch.Tensor) *torch.Tensor {
	products := images.Mul(texts)
	if r.Head == nil {
		return products.MeanAlong(-1).Scale(float64(r.Model.Dim())).Mul(r.Model.Scale(images.Scope()))
	}
	return r.Head.forward(images, texts, products)
}

// pairs is the reward of both sides of each pair of a part of a batch, [N] each.
func (r Reward) pairs(s *torch.Scope, p model.Part, of shape) (first, second *torch.Tensor) {
	p.Mode.DropKeys = repeated(p.Mode.DropKeys, of.pictures)
	images := r.Model.EncodeImages(s, p.Pixels, p.N*of.pictures, p.Mode)
	texts := r.Model.EncodeTokens(s, p.IDs, p.N*of.captions, p.Mode)
	return r.Score(sides(images, p.N, 0), sides(texts, p.N, 0)), r.Score(sides(images, p.N, 1), sides(texts, p.N, 1))
}

// shape is how many pictures and captions each pair of a batch has.
type shape struct{ pictures, captions int }

func (r Reward) shapeOf(b *datasets.Batch) shape {
	side := r.Model.Config.Vision.ImageSize
	return shape{len(b.Pixels) / (3 * side * side * b.N), len(b.IDs) / (b.ContextLength * b.N)}
}

// repeated gives pictures of one pair the same key, so that they lose the same patches.
func repeated(keys []uint64, times int) []uint64 {
	if times == 1 {
		return keys
	}
	var out []uint64
	for _, key := range keys {
		for range times {
			out = append(out, key)
		}
	}
	return out
}

// sides are the features of one side of n pairs, 0 or 1: what both share is its own pair.
func sides(features *torch.Tensor, n, side int) *torch.Tensor {
	shape := features.Shape()
	if shape[0] == n {
		return features
	}
	return features.Reshape(n, 2, shape[1]).Select(1, side)
}

// beside lists the parameters of the head, if there is one.
func (r Reward) beside() []*nn.Params {
	if r.Head == nil {
		return nil
	}
	return []*nn.Params{r.Head.params}
}

// Measure gives the rewards of both sides of each pair of a batch of preferences. Sides whose token ids and pixels are the same
// have the same reward: a product's rows may differ in their last bit by their place in a batch, and no decision depends on that.
func (r Reward) Measure(ctx context.Context, b *datasets.Batch) (first, second []float32, err error) {
	err = torch.Do(ctx, func(s *torch.Scope) error {
		mb := r.Model.MicroBatches(s, b, 0, r.beside()...)
		rewards := make([][2]*torch.Tensor, len(mb.Parts))
		mb.Each(func(i int, s *torch.Scope) {
			rewards[i][0], rewards[i][1] = r.pairs(s, mb.Parts[i], r.shapeOf(b))
		})
		for _, r := range rewards {
			first, second = append(first, r[0].Float32s()...), append(second, r[1].Float32s()...)
		}
		return nil
	})
	of := r.shapeOf(b)
	for i := range first {
		if same(b.IDs, i, b.N, of.captions) && same(b.Pixels, i, b.N, of.pictures) {
			second[i] = first[i]
		}
	}
	return first, second, err
}

// same says whether both sides of pair i of n have equal values; where there is one for both, they share it.
func same[T comparable](values []T, i, n, sides int) bool {
	width := len(values) / n
	pair := values[i*width : (i+1)*width]
	return sides == 1 || slices.Equal(pair[:width/2], pair[width/2:])
}

// Head is a scalar layer on [image, text, image * text], 3E wide. It begins as the model's own score: zeros, and the
// scale on the products.
type Head struct {
	params *nn.Params
	weight *nn.Param // [1, 3E]
}

// NewHead makes the head of a model that has not been tuned yet. Its owner calls Free.
func NewHead(ctx context.Context, m *model.Model) (*Head, error) {
	values := make([]float32, 3*m.Dim())
	h := declareHead(m.Dim(), nn.Values(values))
	err := torch.Do(ctx, func(s *torch.Scope) error {
		scale := float32(m.Scale(s).Item())
		for i := 2 * m.Dim(); i < len(values); i++ {
			values[i] = scale
		}
		h.params.Fill(0, m.Device())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make the reward head: %w", err)
	}
	return h, nil
}

func declareHead(dim int, start nn.Init) *Head {
	h := &Head{params: nn.NewParams()}
	h.weight = h.params.Root().At("reward_head").Declare("weight", start, 1, 3*dim)
	return h
}

// forward gives [n].
func (h *Head) forward(images, texts, products *torch.Tensor) *torch.Tensor {
	x := torch.Cat(1, images, texts, products)
	return x.Linear(h.weight.For(x), nil).Reshape(-1)
}

// Free gives the memory back.
func (h *Head) Free() { h.params.Free() }

// Write writes the head as safetensors, float32.
func (h *Head) Write(w io.Writer) error {
	return nn.Write(w, h.params.All(), map[string]string{"format": "pt"})
}

// ReadHead reads what Write wrote, for a model. A file that does not fit is a *model.WeightsError.
func ReadHead(ctx context.Context, path string, m *model.Model) (*Head, error) {
	h := declareHead(m.Dim(), nn.Constant(0))
	return h, restore(ctx, h.params, path, m.Device())
}

// restore allocates declared parameters and fills them from a file that nn.Write wrote. A file that does not fit is a
// *model.WeightsError.
func restore(ctx context.Context, params *nn.Params, path string, device torch.Device) error {
	err := torch.Do(ctx, func(*torch.Scope) error {
		params.Fill(0, device)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err = nn.Restore(ctx, params.All(), path); err != nil {
		params.Free()
	}
	return err
}

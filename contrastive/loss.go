package contrastive

import (
	"slices"

	"clipgo/datasets"
	"clipgo/internal/torch"
)

// Contrast is what a contrastive loss sees.
type Contrast struct {
	Image, Text *torch.Tensor // [B, E], unit rows; row i of one belongs to row i of the other
	Scale       *torch.Tensor // [], exp(logit_scale)
	Bias        *torch.Tensor // [], added to every logit; nil where the model has none
	Group       []int32       // equal numbers are rows whose captions fit each other's pictures; nil: each row's is taken as its own
}

// logits are the scaled similarities [B, B], a row for each picture.
func (c Contrast) logits() *torch.Tensor {
	perImage := c.Image.Mul(c.Scale).Matmul(c.Text.Transpose(0, 1)) // scale first, as open_clip
	if c.Bias == nil {
		return perImage
	}
	return perImage.Add(c.Bias)
}

// repeats tells whether a caption stands twice.
func (c Contrast) repeats() bool {
	seen := make(map[int32]bool, len(c.Group))
	return slices.ContainsFunc(c.Group, func(g int32) bool {
		again := seen[g]
		seen[g] = true
		return again
	})
}

// times tells how often a row's caption stands in the batch.
func (c Contrast) times() func(row int) int {
	if c.Group == nil {
		return func(int) int { return 1 }
	}
	times := make(map[int32]int, len(c.Group))
	for _, g := range c.Group {
		times[g]++
	}
	return func(row int) int { return times[c.Group[row]] }
}

// targets is a symmetric matrix [B, B] of Group: a row has one number where the caption is its own, as often as that stands
// in the batch, and another elsewhere.
func (c Contrast) targets(numbers func(right int) (each, other float64)) *torch.Tensor {
	if c.Image.DType() == torch.Float64 {
		return matrix[float64](c, numbers)
	}
	return matrix[float32](c, numbers)
}

func matrix[T float32 | float64](c Contrast, numbers func(right int) (each, other float64)) *torch.Tensor {
	b, times := len(c.Group), c.times()
	out := make([]T, 0, b*b)
	for i, row := range c.Group {
		each, other := numbers(times(i))
		for _, g := range c.Group {
			if g == row {
				out = append(out, T(each))
			} else {
				out = append(out, T(other))
			}
		}
	}
	return torch.From(c.Image.Scope(), out, b, b).OnDevice(c.Image.Device())
}

// groups numbers a batch's pairs so that those have equal numbers whose captions are equal, or whose pictures have the same
// captions, of which this batch may show different ones.
func groups(b *datasets.Batch) []int32 {
	captions, sets := make(map[string]int32), make(map[uint64]int32)
	out := make([]int32, 0, b.N)
	key := make([]byte, 0, 4*b.ContextLength)
	for caption := range slices.Chunk(b.IDs, b.ContextLength) {
		i := int32(len(out))
		key = key[:0]
		for _, id := range caption {
			key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		first, known := captions[string(key)]
		if !known {
			first, captions[string(key)] = i, i
		}
		out = append(out, root(out, first))
		if b.Alike == nil {
			continue
		}
		if first, known = sets[b.Alike[i]]; known {
			join(out, first, i)
		} else {
			sets[b.Alike[i]] = i
		}
	}
	for i := range out {
		out[i] = root(out, int32(i))
	}
	return out
}

// root is the first pair of a pair's group; one that isn't in yet is a group of its own.
func root(group []int32, i int32) int32 {
	for int(i) < len(group) && group[i] != i {
		i = group[i]
	}
	return i
}

// join makes one group of two pairs'.
func join(group []int32, a, b int32) {
	a, b = root(group, a), root(group, b)
	group[max(a, b)] = min(a, b)
}

// Loss knows no model and no data.
type Loss interface {
	// Forward returns the loss of a batch, a scalar, with its graph. It holds matrices [B, B].
	Forward(in Contrast) *torch.Tensor
	// Tiles returns the same loss with its gradients, in closed form, and never holds such a matrix.
	Tiles(in Contrast) Slopes
}

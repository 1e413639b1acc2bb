package contrastive

import (
	"slices"

	"clipgo/internal/torch"
)

// LossInput is what a contrastive loss is computed from.
type LossInput struct {
	Image, Text *torch.Tensor // [B, E], unit rows; row i of one belongs to row i of the other
	Scale       *torch.Tensor // [], exp(logit_scale)
	Bias        *torch.Tensor // [], added to every logit; nil where the model has none
	Group       []int32       // rows with equal numbers are positives of each other; nil: row i is positive with row i alone
}

// logits are the scaled similarities [B, B], a row for each picture.
func (c LossInput) logits() *torch.Tensor {
	perImage := c.Image.Mul(c.Scale).Matmul(c.Text.Transpose(0, 1)) // scale first, as open_clip
	if c.Bias == nil {
		return perImage
	}
	return perImage.Add(c.Bias)
}

// repeats reports whether two rows are in one group.
func (c LossInput) repeats() bool {
	seen := make(map[int32]bool, len(c.Group))
	return slices.ContainsFunc(c.Group, func(g int32) bool {
		again := seen[g]
		seen[g] = true
		return again
	})
}

// times returns the size of a row's group.
func (c LossInput) times() func(row int) int {
	if c.Group == nil {
		return func(int) int { return 1 }
	}
	times := make(map[int32]int, len(c.Group))
	for _, g := range c.Group {
		times[g]++
	}
	return func(row int) int { return times[c.Group[row]] }
}

// targets is the symmetric matrix [B, B] whose entry i, j is each_i where rows i and j are in one group and other_i elsewhere.
// numbers gives both for a group of right rows.
func (c LossInput) targets(numbers func(right int) (each, other float64)) *torch.Tensor {
	if c.Image.DType() == torch.Float64 {
		return matrix[float64](c, numbers)
	}
	return matrix[float32](c, numbers)
}

func matrix[T float32 | float64](c LossInput, numbers func(right int) (each, other float64)) *torch.Tensor {
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

// Loss is a contrastive loss of a batch's features.
type Loss interface {
	// Forward returns the loss, a scalar, with its graph. It holds matrices [B, B].
	Forward(in LossInput) *torch.Tensor
	// Pairs returns the loss of each pair, [B], whose mean is the loss. It holds matrices [B, B].
	Pairs(in LossInput) *torch.Tensor
	// Tiles returns the same loss and its gradients in closed form, computed in strips of rows: no matrix [B, B] is held.
	Tiles(in LossInput) LossGrads
	// Part returns the share of the loss that n pairs have, from one on, and its gradients with respect to the features of all pairs: the
	// shares of all pairs add up to the loss. It is what each of several processes computes for its own pairs.
	Part(in LossInput, from, n int) LossGrads
}

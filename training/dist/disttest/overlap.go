package disttest

import (
	"clipgo/internal/torch"
	"clipgo/training/dist"
)

// After is g with sums of gradients that start after the backward pass only.
func After(g dist.Group) dist.Group { return struct{ dist.Group }{g} }

// Counting is g, which counts the sums of gradients that start within backward passes; Count is called after each step.
func Counting(g dist.Group) *Counted { return &Counted{Overlapping: g.(dist.Overlapping)} }

// Counted is a group of Counting.
type Counted struct {
	dist.Overlapping
	Early int // sums that started within a pass
	Made  int // times that the observation began anew
	last  *torch.Overlap
}

// Overlap is the group's.
func (c *Counted) Overlap(leaves []*torch.Tensor) *torch.Overlap {
	c.Made++
	c.last = c.Overlapping.Overlap(leaves)
	return c.last
}

// Count counts those of the last step, if g counts.
func Count(g dist.Group) {
	if c, ok := g.(*Counted); ok && c.last != nil {
		c.Early += c.last.Early()
	}
}

package dist

import "clipgo/internal/torch"

// Overlapping is a Group that can sum gradients while they are computed.
type Overlapping interface {
	Group
	// Overlap makes the sums of leaves, which at first only observes.
	Overlap(leaves []*torch.Tensor) *torch.Overlap
	// Plan makes o start the sums of buckets, lists of its leaves by their numbers. All processes give the same.
	Plan(o *torch.Overlap, buckets [][]int)
}

func (g *together) Overlap(leaves []*torch.Tensor) *torch.Overlap {
	return torch.NewOverlap(leaves, g.await)
}

func (g *together) Plan(o *torch.Overlap, buckets [][]int) { o.Plan(g.processes, buckets) }

// await waits for the sums that o has started, each as long as for any other collective.
func (g *together) await(o *torch.Overlap) error {
	works, err := o.Started()
	if err != nil {
		return g.fail("Sum", err)
	}
	for _, c := range works {
		if err := (reduction{&working{g, c}}).Wait(); err != nil {
			return err
		}
	}
	return nil
}

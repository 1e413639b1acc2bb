package contrastive

import (
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
)

// The parts of some pairs, of none, of others and of the rest are the loss and its gradients.
func TestPartsAddUpToTheLoss(t *testing.T) {
	repeats := []int32{0, 1, 0, 3, 4, 1, 0, 7, 8, 9, 10, 11, 3}
	smooth := losses.Smoothing{Share: 0.2, Form: losses.Others}
	classes := losses.Smoothing{Share: 0.2, Form: losses.Classes}
	for name, c := range map[string]struct {
		loss  Loss
		group []int32
	}{
		"InfoNCE": {InfoNCE{}, nil}, "repeats": {InfoNCE{}, repeats}, "smoothed": {InfoNCE{smooth}, nil},
		"smoothed repeats": {InfoNCE{smooth}, repeats}, "classes": {InfoNCE{classes}, repeats},
		"sigmoid": {Sigmoid{}, nil}, "sigmoid repeats": {Sigmoid{}, repeats},
	} {
		torchtest.RunGrad(t, func(s *torch.Scope) {
			in := contrasting(s, torch.Float64, 13, 8, c.group)
			want, sums := c.loss.Tiles(in).numbers(), make([][]float64, 5)
			for _, at := range [][2]int{{0, 4}, {4, 4}, {4, 5}, {5, 13}} {
				for i, x := range c.loss.Part(in, at[0], at[1]-at[0]).numbers() {
					sums[i] = added(sums[i], x)
				}
			}
			for i, what := range []string{"loss", "image", "text", "scale", "bias"} {
				closeTo(t, name+": "+what, sums[i], want[i], 1e-10)
			}
		})
	}
}

func (g LossGrads) numbers() (out [][]float64) {
	for _, x := range []*torch.Tensor{g.Loss, g.Image, g.Text, g.Scale, g.Bias} {
		out = append(out, x.Float64s())
	}
	return out
}

func added(sum, more []float64) []float64 {
	if sum == nil {
		return more
	}
	for i := range sum {
		sum[i] += more[i]
	}
	return sum
}

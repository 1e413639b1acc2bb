package contrastive

import (
	"testing"

	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
)

// The mean of the losses of the pairs is the loss, and a pair's own loss is that of its row and its column alone.
func TestLossesOfPairsHaveTheLossAsTheirMean(t *testing.T) {
	const n, dim = 7, 5
	for name, loss := range map[string]Loss{
		"InfoNCE": InfoNCE{}, "others": InfoNCE{losses.Smoothing{Share: 0.2, Form: losses.Others}},
		"classes": InfoNCE{losses.Smoothing{Share: 0.2, Form: losses.Classes}}, "sigmoid": Sigmoid{},
	} {
		for _, group := range [][]int32{nil, {0, 1, 0, 3, 4, 3, 3}} {
			torchtest.RunGrad(t, func(s *torch.Scope) {
				in := contrasting(s, torch.Float64, n, dim, group)
				each := ReadPairs((&Objective{Loss: loss, PairLosses: true}).LossOfPairs(in))
				sum := 0.0
				for _, v := range each {
					sum += v
				}
				closeTo(t, name, []float64{sum / n}, []float64{loss.Forward(in).Item()}, 1e-12)
			})
		}
	}
}

func TestLossesOfPairsAreTheirDefinition(t *testing.T) {
	torchtest.RunGrad(t, func(s *torch.Scope) {
		in := contrasting(s, torch.Float64, 4, 3, nil)
		z := in.logits()
		row, column := z.LogSoftmax(1).Float64s(), z.LogSoftmax(0).Float64s()
		var want []float64
		for i := range 4 {
			want = append(want, -(row[5*i]+column[5*i])/2)
		}
		closeTo(t, "pairs", ReadPairs((&Objective{Loss: InfoNCE{}, PairLosses: true}).LossOfPairs(in)), want, 1e-12)
		if (&Objective{Loss: InfoNCE{}}).LossOfPairs(in) != nil {
			t.Error("losses that nobody asks for")
		}
	})
}

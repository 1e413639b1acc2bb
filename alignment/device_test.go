//go:build simulated

package alignment

import (
	"math"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
	"clipgo/internal/torch"
)

// A device goes other ways than the CPU, and nothing of the CPU's may get in: gradients of rewards, with and without a head.
func TestRewardsAreTheCPUsOnASimulatedDevice(t *testing.T) {
	for _, form := range []datasets.Form{datasets.TwoCaptions, datasets.TwoPictures} {
		for _, headed := range []bool{false, true} {
			run := func(device torch.Device) [][]float32 {
				m := newTinyOn(t, device)
				o := &Preference{Reward: Reward{Model: m}, Preferred: func(i int) float64 { return float64(i%3) / 2 }}
				if headed {
					o.Head = newHead(t, m)
				}
				return gradients(t, o, judged(m, 9, form), 1)
			}
			want, got := run(torch.CPU), run(torch.Simulated)
			for i := range want {
				golden.Close(t, "gradient", got[i], want[i], golden.Tol{RelMax: 1e-5, Abs: 1e-8})
			}
		}
	}
	t.Cleanup(func() { _ = torch.SetThreads(0) })
}

// A round is written and learnt from.
func TestPPOIsTheCPUsOnASimulatedDevice(t *testing.T) {
	run := func(device torch.Device) (loss float64) {
		o := newTunerOn(t, device)
		b := first(t, o)
		err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
			parts, err := o.Accumulate(s, b)
			loss = parts.Loss
			torch.DropGradients(leaves(o))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return loss
	}
	if want, got := run(torch.CPU), run(torch.Simulated); math.Abs(got-want) > 1e-4*math.Abs(want) {
		t.Errorf("the loss is %g, want %g", got, want)
	}
}

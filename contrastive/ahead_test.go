//go:build simulated

package contrastive

import (
	"fmt"
	"math"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// simulated is a device that is not the CPU: what is computed there goes the ways of a GPU, and nothing of the CPU's may get in.
func simulated() model.Placement {
	return model.Placement{Device: torch.Simulated, DType: torch.Float32}
}

// The steps that a GPU makes without the host, on the CPU: they are those of the CPU's own loops.
func TestStepsAheadAreTheSteps(t *testing.T) {
	for _, c := range aheadCases() {
		t.Run(c.name, func(t *testing.T) {
			// Rounding grows from step to step: AdamW divides small gradients by their own size.
			for steps, tol := range map[int]float64{1: 3e-6, 8: 1e-5} {
				want, waiting := c.run(t, model.On(), steps, 0)
				got, ahead := c.run(t, simulated(), steps, 4)
				for i := range want {
					golden.Close(t, fmt.Sprint(steps, " steps, parameter ", i), got[i], want[i], golden.Tol{RelMax: tol, Abs: tol})
				}
				for i, st := range ahead {
					if read := st.Step%4 == 0; st.Pending == read || read && (math.Abs(st.Loss/waiting[i].Loss-1) > tol ||
						math.Abs(st.GradNorm/waiting[i].GradNorm-1) > 10*tol) {
						t.Errorf("%+v, want %+v", st, waiting[i])
					}
				}
			}
		})
	}
}

// Features, too, are the CPU's.
func TestFeaturesAreTheCPUsOnASimulatedDevice(t *testing.T) {
	b := modeltest.Pairs(modeltest.TinyConfig(), 70, 0)
	embed := func(m *model.Model) []float32 {
		images, err := m.EmbedImages(t.Context(), b.Pixels, b.N)
		if err != nil {
			t.Fatal(err)
		}
		words, err := m.EmbedTokens(t.Context(), b.IDs, b.N)
		if err != nil {
			t.Fatal(err)
		}
		return append(images, words...)
	}
	golden.Close(t, "features", embed(modeltest.NewTinyOn(t, simulated(), modeltest.Unchanged)),
		embed(modeltest.NewTinyOn(t, model.On(), modeltest.Unchanged)), golden.Tol{Abs: 1e-6})
}

// bfloat16 with its copies of the weights, and blocks that are computed again: steps are made, and learn what the CPU's do.
func TestOtherWaysOfAStepOnASimulatedDevice(t *testing.T) {
	for name, way := range map[string]struct {
		dtype     torch.DType
		recompute bool
	}{"bfloat16": {dtype: torch.BFloat16}, "recomputed": {dtype: torch.Float32, recompute: true}} {
		last := map[torch.Device]float64{}
		for _, device := range []torch.Device{torch.CPU, torch.Simulated} {
			tr := aheadCases()[0].trainer(t, model.Placement{Device: device, DType: way.dtype}, 4)
			tr.Objective.(*Objective).Model.Recompute = way.recompute
			for step := range 4 {
				st, err := tr.Step(t.Context(), aheadCases()[0].batch(step))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				last[device] = st.Loss
			}
		}
		if math.Abs(last[torch.Simulated]/last[torch.CPU]-1) > 2e-2 { // bfloat16's features have 2e-2
			t.Errorf("%s: the loss is %g, want %g", name, last[torch.Simulated], last[torch.CPU])
		}
	}
}

// No operation of a step whose numbers nobody reads makes the host wait; the numbers of one that is read do.
func TestAStepAheadWaitsForNothing(t *testing.T) {
	for _, c := range aheadCases() {
		t.Run(c.name, func(t *testing.T) {
			tr := c.trainer(t, simulated(), 3)
			for step := range 6 {
				b := c.batch(step)
				var st training.Stats
				var err error
				n := torch.Waits(func() { st, err = tr.Step(t.Context(), b) })
				if err != nil {
					t.Fatal(err)
				}
				if st.Pending != (n == 0) {
					t.Errorf("step %d, unread %v: %d waits", st.Step, st.Pending, n)
				}
			}
		})
	}
}

//go:build simulated

package captioning

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// The steps that a GPU makes without the host are those of the CPU's own loops, and between two readings nothing waits.
func TestACaptionersStepsAheadAreTheSteps(t *testing.T) {
	const steps, readEvery = 6, 3
	for _, w := range []Weights{DefaultWeights(), {Caption: 1}} {
		var names []string
		run := func(device torch.Device, readEvery int) (values [][]float32, last training.Stats) {
			c := newTinyOn(t, device)
			o := objectiveOf(c, w)
			o.Smoothing.Share = 0 // libtorch 1.13's own smoothing waits
			tr := &training.Trainer{Objective: o, LR: 1e-3, ReadEvery: readEvery, Schedule: optim.Schedule{Kind: optim.Const, Steps: 100}}
			err := torch.Do(t.Context(), func(*torch.Scope) error {
				tr.Optimizer = optim.New(o.Params(), optim.Default())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(tr.Optimizer.Free)
			for step := range steps {
				n := torch.Waits(func() { last, err = tr.Step(t.Context(), modeltest.Pairs(c.Config, 9, int64(9*step))) })
				if err != nil {
					t.Fatal(err)
				}
				if last.Pending != (n == 0) {
					t.Errorf("step %d, unread %v: %d waits", last.Step, last.Pending, n)
				}
			}
			for _, p := range c.Model.Params() {
				names = append(names, p.Name)
			}
			return parameters(t, c.Model), last
		}
		want, waiting := run(torch.CPU, 0)
		got, ahead := run(torch.Simulated, readEvery)
		for i, p := range names[:len(want)] {
			a, b := got[i], want[i]
			if strings.HasSuffix(p, "in_proj_bias") {
				a, b = withoutKeys(a), withoutKeys(b)
			}
			golden.Close(t, p, a, b, golden.Tol{Abs: 2e-5}) // a fiftieth of one step at this rate
		}
		if math.Abs(ahead.Loss/waiting.Loss-1) > 1e-5 || len(ahead.Extra) != 2 ||
			math.Abs(ahead.Part("caption_loss")/waiting.Part("caption_loss")-1) > 1e-5 {
			t.Errorf("%+v, want %+v", ahead.Parts, waiting.Parts)
		}
	}
}

// withoutKeys leaves the keys' third out of an attention's bias. Softmax doesn't see it, so that its gradient is rounding alone, of
// which AdamW makes whole steps in any direction.
func withoutKeys(bias []float32) []float32 {
	third := len(bias) / 3
	return slices.Concat(bias[:third], bias[2*third:])
}

func TestCaptionsAreTheCPUsOnASimulatedDevice(t *testing.T) {
	here, there := newTiny(t), newTinyOn(t, torch.Simulated)
	pixels := scenes(here, 4)
	for _, g := range []Generation{{Method: Greedy}, {Method: Beam, Beams: 3, LengthPenalty: 1}} {
		g.TopP, g.Temperature, g.MinLength, g.MaxLength, g.Start, g.End = 1, 1, 2, 9, 48, 49
		want, err := here.Generate(t.Context(), pixels, 4, g)
		if err != nil {
			t.Fatal(err)
		}
		got, err := there.Generate(t.Context(), pixels, 4, g)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if !slices.Equal(got[i].IDs, want[i].IDs) {
				t.Errorf("%s: %v, want %v", g.Method, got[i].IDs, want[i].IDs)
			}
		}
	}
}

func parameters(t *testing.T, m *model.Model) (out [][]float32) {
	t.Helper()
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			out = append(out, p.Tensor().Float32s())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

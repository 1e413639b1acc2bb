package contrastive

import (
	"fmt"
	"math"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/golden"
	"clipgo/internal/modeltest"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/training"
)

// aheadCase is an objective whose steps are made with and without a wait.
type aheadCase struct {
	name  string
	build func(t *testing.T, m *model.Model) *Objective
}

func aheadCases() []aheadCase {
	plain := func(m *model.Model, loss Loss) *Objective { return &Objective{Model: m, Loss: loss} }
	nce := InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}
	return []aheadCase{
		{"InfoNCE", func(_ *testing.T, m *model.Model) *Objective { return plain(m, nce) }},
		{"sigmoid", func(_ *testing.T, m *model.Model) *Objective { return plain(m, Sigmoid{}) }},
		{"masked words", func(t *testing.T, m *model.Model) *Objective { return withWords(t, m, 0.7) }},
		{equalCaptions, func(_ *testing.T, m *model.Model) *Objective {
			o := plain(m, InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others, Share: 0.1}})
			o.DedupTargets = true
			return o
		}},
		{"average", func(t *testing.T, m *model.Model) *Objective {
			o := plain(m, nce)
			var err error
			if o.EMA, err = model.NewEMA(t.Context(), m, 0.9); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(o.EMA.Free)
			return o
		}},
	}
}

const equalCaptions = "equal captions"

// batch is the step's; where it should have equal captions it has.
func (c aheadCase) batch(step int) *datasets.Batch {
	b := modeltest.Pairs(modeltest.TinyConfig(), 16, int64(16*step))
	if c.name == equalCaptions {
		copy(b.IDs[:b.ContextLength], b.IDs[3*b.ContextLength:])
	}
	return b
}

// trainer makes steps whose numbers are read each so many, 0 for steps that wait.
func (c aheadCase) trainer(t *testing.T, at model.Placement, readEvery int) *training.Trainer {
	t.Helper()
	m := modeltest.NewTinyOn(t, at, modeltest.Unchanged)
	settings := optim.Default()
	settings.GradClipNorm = 0.5
	tr := &training.Trainer{Objective: c.build(t, m), LR: 1e-3, ReadEvery: readEvery,
		Schedule: optim.Schedule{Kind: optim.Cosine, Steps: 100}}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(tr.Objective.Params(), settings)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	return tr
}

func (c aheadCase) run(t *testing.T, at model.Placement, steps, readEvery int) (params [][]float32, stats []training.Stats) {
	t.Helper()
	tr := c.trainer(t, at, readEvery)
	for step := range steps {
		st, err := tr.Step(t.Context(), c.batch(step))
		if err != nil {
			t.Fatal(err)
		}
		stats = append(stats, st)
	}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		all := tr.Objective.Params()
		if a := tr.Objective.(*Objective).EMA; a != nil {
			all = append(all, a.Params()...)
		}
		for _, p := range all {
			params = append(params, p.Tensor().Float32s())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return params, stats
}

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

package contrastive

import (
	"testing"

	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
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

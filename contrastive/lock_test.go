package contrastive

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/optim"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// locks are the cases that the tests below share.
var locks = map[string]model.Lock{
	"image":               {Image: true},
	"last image groups":   {Image: true, ImageUnlocked: 2},
	"text":                {Text: true},
	"last text groups":    {Text: true, TextUnlocked: 1},
	"scale":               {Scale: true},
	"all but a projector": {Image: true, ImageUnlocked: 1, Text: true, Scale: true},
	"all but the scale":   {Image: true, Text: true},
}

// lockedTrainer is a tiny model under a lock, and what trains it.
func lockedTrainer(t *testing.T, l model.Lock) (*model.Model, *training.Trainer) {
	t.Helper()
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	if err := m.Lock(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	tr := &training.Trainer{Objective: &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}, LR: 1e-2,
		Schedule: optim.Schedule{Kind: optim.Const, Steps: 10}}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(m.Trained(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	return m, tr
}

// everything holds all parameters' bytes by name.
func everything(t *testing.T, m *model.Model) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			out[p.Name] = p.Tensor().Bytes()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWhatIsLockedStaysAndTheRestMoves(t *testing.T) {
	for name, l := range locks {
		t.Run(name, func(t *testing.T) {
			m, tr := lockedTrainer(t, l)
			before, trained, live := everything(t, m), trainedNames(m), torch.Live()
			for range 3 {
				if _, err := tr.Step(t.Context(), modeltest.Pairs(m.Config, 17, int64(tr.Progress.Step))); err != nil {
					t.Fatal(err)
				}
			}
			if torch.Live() != live {
				t.Errorf("%d handles stayed behind", torch.Live()-live)
			}
			for key, value := range everything(t, m) {
				if moved := !bytes.Equal(value, before[key]); moved != trained[key] {
					t.Errorf("%s: moved %v under %+v", key, moved, l)
				}
			}
		})
	}
}

// TestALockChangesNoOtherGradient compares the gradients under a lock with those of the whole model, to the bit.
func TestALockChangesNoOtherGradient(t *testing.T) {
	want, _ := gradientsUnder(t, model.Lock{})
	for name, l := range locks {
		t.Run(name, func(t *testing.T) {
			grads, trained := gradientsUnder(t, l)
			for key, got := range grads {
				switch {
				case !trained[key] && got != nil:
					t.Errorf("%s is locked and has a gradient", key)
				case trained[key] && !slices.Equal(got, want[key]):
					t.Errorf("%s has another gradient", key)
				}
			}
		})
	}
}

func gradientsUnder(t *testing.T, l model.Lock) (grads map[string][]float32, trained map[string]bool) {
	t.Helper()
	m, tr := lockedTrainer(t, l)
	grads = map[string][]float32{}
	modeltest.Grad(t, func(s *torch.Scope) {
		if _, err := tr.Objective.Accumulate(s, modeltest.Pairs(m.Config, 17, 0)); err != nil {
			t.Error(err)
		}
		for _, p := range m.Params() {
			if g := p.Tensor().Gradient(s); g != nil {
				grads[p.Name] = g.Float32s()
			} else {
				grads[p.Name] = nil
			}
		}
		tr.Optimizer.DropGradients()
	})
	return grads, trainedNames(m)
}

// trainedNames are the parameters that are not locked; which those have to be, the tests of package model know.
func trainedNames(m *model.Model) map[string]bool {
	out := map[string]bool{}
	for _, p := range m.Trained() {
		out[p.Name] = true
	}
	return out
}

// TestTheOptimizerKeepsNothingForLocked looks into the state that a checkpoint holds.
func TestTheOptimizerKeepsNothingForLocked(t *testing.T) {
	l := model.Lock{Image: true, ImageUnlocked: 1, Scale: true}
	m, tr := lockedTrainer(t, l)
	path := filepath.Join(t.TempDir(), "state.safetensors")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tr.Optimizer.WriteState(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	trained := trainedNames(m)
	for _, name := range file.Names() {
		if p := strings.TrimSuffix(strings.TrimSuffix(name, "_sq"), ".exp_avg"); !trained[p] {
			t.Errorf("%s is kept", name)
		}
	}
	if got, want := len(file.Names()), 2*len(m.Trained()); got != want || want == 0 {
		t.Errorf("%d tensors, want %d", got, want)
	}
}

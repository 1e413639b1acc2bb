package model

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
	"clipgo/training"
)

// locks are the cases that the tests below share.
var locks = map[string]Lock{
	"image":               {Image: true},
	"last image groups":   {Image: true, ImageUnlocked: 2},
	"text":                {Text: true},
	"last text groups":    {Text: true, TextUnlocked: 1},
	"scale":               {Scale: true},
	"all but a projector": {Image: true, ImageUnlocked: 1, Text: true, Scale: true},
	"all but the scale":   {Image: true, Text: true},
}

// lockedTrainer is a tiny model under a lock, and what trains it.
func lockedTrainer(t *testing.T, l Lock) (*Model, *training.Trainer) {
	t.Helper()
	m := newTiny(t, unchanged)
	if err := m.Lock(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	tr := &training.Trainer{Objective: &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}, LR: 1e-2, Schedule: optim.Schedule{Kind: optim.Const, Steps: 10}}
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
func everything(t *testing.T, m *Model) map[string][]byte {
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
			before, live := everything(t, m), torch.Live()
			for range 3 {
				if _, err := tr.Step(t.Context(), pairs(m.Config, 17, int64(tr.Progress.Step))); err != nil {
					t.Fatal(err)
				}
			}
			if torch.Live() != live {
				t.Errorf("%d handles stayed behind", torch.Live()-live)
			}
			for key, value := range everything(t, m) {
				if moved := !bytes.Equal(value, before[key]); moved == m.locked(key, l) {
					t.Errorf("%s: moved %v under %+v", key, moved, l)
				}
			}
		})
	}
}

// TestALockChangesNoOtherGradient compares the gradients under a lock with those of the whole model, to the bit.
func TestALockChangesNoOtherGradient(t *testing.T) {
	want := gradientsUnder(t, Lock{})
	for name, l := range locks {
		t.Run(name, func(t *testing.T) {
			m := Declare(tinyConfig())
			for key, got := range gradientsUnder(t, l) {
				switch {
				case m.locked(key, l) && got != nil:
					t.Errorf("%s is locked and has a gradient", key)
				case !m.locked(key, l) && !slices.Equal(got, want[key]):
					t.Errorf("%s has another gradient", key)
				}
			}
		})
	}
}

func gradientsUnder(t *testing.T, l Lock) map[string][]float32 {
	t.Helper()
	m, tr := lockedTrainer(t, l)
	out := map[string][]float32{}
	grad(t, func(s *torch.Scope) {
		if _, err := tr.Objective.Accumulate(s, pairs(m.Config, 17, 0)); err != nil {
			t.Error(err)
		}
		for _, p := range m.Params() {
			if g := p.Tensor().Gradient(s); g != nil {
				out[p.Name] = g.Float32s()
			} else {
				out[p.Name] = nil
			}
		}
		tr.Optimizer.DropGradients()
	})
	return out
}

// TestALockedTowerHasNoGraph asks whether features know where they came from.
func TestALockedTowerHasNoGraph(t *testing.T) {
	for name, c := range map[string]struct {
		lock        Lock
		image, text bool
	}{
		"nothing":         {Lock{}, true, true},
		"image":           {Lock{Image: true}, false, true},
		"image but proj":  {Lock{Image: true, ImageUnlocked: 1}, true, true},
		"text":            {Lock{Text: true}, true, false},
		"both but scale":  {Lock{Image: true, Text: true}, false, false},
		"text's last two": {Lock{Text: true, TextUnlocked: 2}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := lockedTrainer(t, c.lock)
			b := pairs(m.Config, 2, 0)
			grad(t, func(s *torch.Scope) {
				image := m.EncodeImages(s, b.Pixels, b.N, m.Mode()).Recorded()
				words := m.EncodeTokens(s, b.IDs, b.N, m.Mode()).Recorded()
				if image != c.image || words != c.text {
					t.Errorf("image recorded %v, text %v; want %v, %v", image, words, c.image, c.text)
				}
			})
		})
	}
}

// TestTheOptimizerKeepsNothingForLocked looks into the state that a checkpoint holds.
func TestTheOptimizerKeepsNothingForLocked(t *testing.T) {
	l := Lock{Image: true, ImageUnlocked: 1, Scale: true}
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
	for _, name := range file.Names() {
		if p := strings.TrimSuffix(strings.TrimSuffix(name, "_sq"), ".exp_avg"); m.locked(p, l) {
			t.Errorf("%s is kept", name)
		}
	}
	if got, want := len(file.Names()), 2*len(m.Trained()); got != want || want == 0 {
		t.Errorf("%d tensors, want %d", got, want)
	}
}

func TestLocksThatCannotBeMeant(t *testing.T) {
	for want, l := range map[string]Lock{
		"":                           {Image: true, ImageUnlocked: 99, Text: true},
		"not locked":                 {ImageUnlocked: 1},
		"lock_text_unlocked_layers:": {TextUnlocked: 2},
		"negative":                   {Image: true, ImageUnlocked: -1},
		"nothing to train":           {Image: true, Text: true, Scale: true},
	} {
		if err := l.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", l, err, want)
		}
	}
}

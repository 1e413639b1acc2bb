package contrastive

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
)

// inFloat32 says whether a pass in bfloat16 reads a parameter of the tiny model in float32: norms, lookups, the scale.
func inFloat32(name string) bool {
	return strings.Contains(name, ".ln_") || strings.HasPrefix(name, "ln_") || name == "token_embedding.weight" ||
		name == "positional_embedding" || name == "logit_scale"
}

// freshlyConverted compares each copy with libtorch's conversion of its master, to the bit.
func freshlyConverted(t *testing.T, m *model.Model) {
	t.Helper()
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		for _, p := range m.Params() {
			switch c := p.Copy(); {
			case (c == nil) != inFloat32(p.Name):
				t.Errorf("%s: a copy that follows: %v", p.Name, c != nil)
			case c != nil && !bytes.Equal(c.Bytes(), p.Tensor().In(s).Detach().To(torch.BFloat16).Bytes()):
				t.Errorf("%s: the copy is not its master", p.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// spoilt is a loss that is not a number every second time.
type spoilt struct {
	InfoNCE
	times int
}

func (l *spoilt) Forward(in LossInput) *torch.Tensor {
	loss := l.InfoNCE.Forward(in)
	if l.times++; l.times%2 == 0 {
		return loss.Scale(math.NaN())
	}
	return loss
}

func TestCopiesAreTheirMastersAfterEachStep(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for name, c := range map[string]struct {
		threads int
		lock    model.Lock
		loss    Loss
		ema     float64
	}{
		"all threads":       {threads: 1},
		"lanes":             {threads: 3},
		"locked image":      {threads: 2, lock: model.Lock{Image: true}},
		"last image groups": {threads: 1, lock: model.Lock{Image: true, ImageUnlocked: 2}},
		"not finite":        {threads: 2, loss: &spoilt{InfoNCE: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}},
		"average":           {threads: 1, ema: 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			m := modeltest.Warm(t, modeltest.NewTinyOn(t, modeltest.InBFloat16(), modeltest.Unchanged))
			if err := m.Lock(t.Context(), c.lock); err != nil {
				t.Fatal(err)
			}
			if err := torch.SetThreads(c.threads); err != nil {
				t.Fatal(err)
			}
			tr := trainerOf(t, m, 20, 1e-2)
			o := tr.Objective.(*Objective)
			if c.loss != nil {
				o.Loss = c.loss
			}
			if c.ema > 0 {
				o.EMA = averageOf(t, m, c.ema)
				modeltest.Warm(t, o.EMA.Model)
			}
			live := torch.Live()
			for range 4 {
				if _, err := tr.Step(t.Context(), modeltest.Pairs(m.Config, 27, int64(tr.Progress.Step))); err != nil {
					t.Fatal(err)
				}
				freshlyConverted(t, m)
				if o.EMA != nil {
					freshlyConverted(t, modeltest.Warm(t, o.EMA.Model))
				}
			}
			if torch.Live() != live {
				t.Errorf("%d handles stayed behind", torch.Live()-live)
			}
		})
	}
}

func averageOf(t *testing.T, m *model.Model, decay float64) *model.EMA {
	t.Helper()
	a, err := model.NewEMA(t.Context(), m, decay)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Free)
	return a
}

// The lanes' first pass finds no copies and converts; it and those that follow have the same bits.
func TestCopiesChangeNoGradient(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, threads := range []int{1, 3} {
		// which reads each weight of the text tower twice
		o := withWords(t, modeltest.NewTinyOn(t, modeltest.InBFloat16(), modeltest.Unchanged), 0.7)
		_, want := wordsPassOf(t, o, threads)
		for range 2 {
			_, got := wordsPassOf(t, o, threads)
			for i, p := range o.Params() {
				if !bytes.Equal(want[i], got[i]) {
					t.Errorf("%d threads: %s has another gradient", threads, p.Name)
				}
			}
		}
	}
}

// wordsPassOf is a pass with masked words on a number of threads: its loss and the bytes of all gradients.
func wordsPassOf(t *testing.T, o *Objective, threads int) (loss float64, grads [][]byte) {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) error {
		parts, err := o.Accumulate(s, modeltest.Pairs(o.Model.Config, 27, 0))
		loss = parts.Loss
		for _, p := range o.Params() {
			var g []byte
			if tensor := p.Tensor().Gradient(s); tensor != nil {
				g = tensor.Bytes()
			}
			grads = append(grads, g)
		}
		torch.DropGradients(modeltest.Leaves(o.Params()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return loss, grads
}

// Blocks that are computed again on the way back give the loss and the gradients of those that are kept, to the bit: the operations
// and their order are the same.
func TestRecomputingBlocksChangesNoGradient(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for name, at := range map[string]model.Placement{"float32": model.On(), "bfloat16": modeltest.InBFloat16()} {
		for lock, l := range map[string]model.Lock{"": {}, ", last groups": {Image: true, ImageUnlocked: 2, Text: true, TextUnlocked: 2}} {
			t.Run(name+lock, func(t *testing.T) {
				o := withWords(t, modeltest.NewTinyOn(t, at, func(c *model.Config) { c.Vision.PatchDropout = 0.5 }), 0.7)
				if err := o.Model.Lock(t.Context(), l); err != nil {
					t.Fatal(err)
				}
				for _, threads := range []int{1, 3} {
					o.Model.Recompute = false
					loss, want := wordsPassOf(t, o, threads)
					wordsPassOf(t, o, threads) // which makes the copies that the first pass of lanes asked for
					o.Model.Recompute = true
					live := torch.Live()
					again, got := wordsPassOf(t, o, threads)
					if loss != again {
						t.Errorf("%d threads: loss %v, was %v", threads, again, loss)
					}
					for i, p := range o.Params() {
						if !bytes.Equal(want[i], got[i]) {
							t.Errorf("%d threads: %s has another gradient", threads, p.Name)
						}
					}
					if torch.Live() != live {
						t.Errorf("%d threads: %d handles stayed behind", threads, torch.Live()-live)
					}
				}
			})
		}
	}
}

package contrastive

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// gradientsOf makes one forward and backward pass, and returns the gradients of everything that is trained.
func gradientsOf(t *testing.T, o *Objective, b *datasets.Batch) (grads [][]float64, parts training.Parts) {
	t.Helper()
	live := torch.Live()
	err := torch.DoGrad(t.Context(), func(s *torch.Scope) (err error) {
		var leaves []*torch.Tensor
		for _, p := range o.Params() {
			leaves = append(leaves, p.Tensor())
		}
		defer torch.DropGradients(leaves)
		if parts, err = o.Accumulate(s, b); err != nil {
			return err
		}
		for _, leaf := range leaves {
			grads = append(grads, leaf.Gradient(s).Float64s())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
	return grads, parts
}

// newPrecise is a tiny model in a type, with patch dropout, so that random choices have to be made again.
func newPrecise(t *testing.T, dtype torch.DType, change func(c *model.Config)) *model.Model {
	t.Helper()
	torchtest.Need(t)
	c := modeltest.TinyConfig()
	c.Vision.PatchDropout = 0.5
	change(&c)
	m, err := model.New(t.Context(), c, 1, model.Placement{Device: torch.CPU, DType: dtype})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// The bound is the issue's: 1e-5 of each tensor's largest entry in float32, 1e-10 in float64. logit_scale and logit_bias are
// among the parameters.
func TestMicroBatchesGiveTheGradientOfTheWholeBatch(t *testing.T) {
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	plain := InfoNCE{losses.Smoothing{Form: losses.Others}}
	for _, c := range []struct {
		name   string
		loss   Loss
		change func(c *model.Config)
	}{{"InfoNCE", plain, modeltest.Unchanged}, {"sigmoid", Sigmoid{}, modeltest.SigLIP}} {
		for dtype, tol := range map[torch.DType]float64{torch.Float32: 1e-5, torch.Float64: 1e-10} {
			m := newPrecise(t, dtype, c.change)
			b := modeltest.Pairs(m.Config, 35, 0)
			for _, threads := range []int{1, 2} {
				if err := torch.SetThreads(threads); err != nil {
					t.Fatal(err)
				}
				want, whole := gradientsOf(t, &Objective{Model: m, Loss: c.loss}, b)
				for _, micro := range []int{1, 16, 17, 34} {
					got, parts := gradientsOf(t, &Objective{Model: m, Loss: c.loss, MicroBatch: micro}, b)
					closeTo(t, c.name+": loss", []float64{parts.Loss, parts.Scale}, []float64{whole.Loss, whole.Scale}, tol)
					for i, p := range m.Params() {
						closeTo(t, c.name+": "+p.Name, got[i], want[i], tol)
					}
				}
			}
		}
	}
}

// Recomputed blocks within recomputed micro-batches.
func TestMicroBatchesOfRecomputedBlocksGiveTheSameGradient(t *testing.T) {
	m := newPrecise(t, torch.Float64, modeltest.Unchanged)
	b := modeltest.Pairs(m.Config, 19, 0)
	loss := InfoNCE{losses.Smoothing{Form: losses.Others}}
	want, _ := gradientsOf(t, &Objective{Model: m, Loss: loss}, b)
	m.Recompute = true
	got, _ := gradientsOf(t, &Objective{Model: m, Loss: loss, MicroBatch: 8}, b)
	for i, p := range m.Params() {
		closeTo(t, p.Name, got[i], want[i], 1e-10)
	}
}

// Masked words are a sum over places; their loss and accuracy are those of the whole batch too.
func TestMicroBatchesWithMaskedWordsGiveTheGradientOfTheWholeBatch(t *testing.T) {
	m := newPrecise(t, torch.Float32, modeltest.Unchanged)
	words, err := NewMaskedWords(t.Context(), m, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer words.Free()
	words.Weight, words.Vocabulary.Special = 0.5, []int32{48, 49}
	o := &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}, Words: words}
	b := modeltest.Pairs(m.Config, 35, 0)
	want, whole := gradientsOf(t, o, b)
	o.MicroBatch = 17
	got, parts := gradientsOf(t, o, b)
	for i, p := range o.Params() {
		closeTo(t, p.Name, got[i], want[i], 1e-5)
	}
	for i, n := range whole.Extra {
		closeTo(t, n.Name, []float64{parts.Extra[i].Value}, []float64{n.Value}, 1e-5)
	}
}

// starving has memory for so many pairs at once. It fails when all gradients are there, the worst time.
type starving struct {
	*Objective
	most  int
	fails int
}

func (o *starving) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	parts, err := o.Objective.Accumulate(s, b)
	if o.MicroBatch == 0 || o.MicroBatch > o.most {
		o.fails++
		panic(&torch.Error{Op: "Matmul", Text: "CUDA out of memory. Tried to allocate 20.00 MiB"})
	}
	return parts, err
}

// A run that finds out how much fits ends with the bytes of one that knew from the start.
func TestWantOfMemoryHalvesTheMicroBatch(t *testing.T) {
	run := func(known, most int) (bytes.Buffer, []int, int) {
		m := modeltest.NewTiny(t, func(c *model.Config) { c.Vision.PatchDropout = 0.5 })
		tr := trainerOf(t, m, 3, 1e-3)
		o := &starving{Objective: &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}, MicroBatch: known}, most: most}
		tr.Objective = o
		var told []int
		for i := range 3 {
			st, err := tr.Step(t.Context(), modeltest.Pairs(m.Config, 13, int64(i)))
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, st.MicroBatch)
		}
		var weights bytes.Buffer
		if err := m.WriteWeights(&weights); err != nil {
			t.Fatal(err)
		}
		return weights, told, o.fails
	}
	want, _, _ := run(4, 13)
	got, told, fails := run(0, 4)
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("the weights are not those of a run that knew how much fits")
	}
	if !slices.Equal(told, []int{4, 0, 0}) || fails != 2 { // 13, 7, 4
		t.Errorf("reported %v after %d failures", told, fails)
	}
}

func TestWhatASinglePairLacksEndsTheRun(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	tr := trainerOf(t, m, 3, 1e-3)
	o := &starving{Objective: &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}}}
	tr.Objective = o
	live := torch.Live()
	_, err := tr.Step(t.Context(), modeltest.Pairs(m.Config, 5, 0))
	var refused *torch.Error
	if !errors.As(err, &refused) || !refused.OutOfMemory() || o.fails != 4 || tr.Progress.Step != 0 { // 5, 3, 2, 1
		t.Errorf("%v after %d failures", err, o.fails)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
}

package contrastive

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

// withWords is an objective with masked words, whose words are between the ids 48 and 49.
func withWords(t *testing.T, m *model.Model, weight float64) *Objective {
	t.Helper()
	w, err := NewMaskedWords(t.Context(), m, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Free)
	w.Weight, w.Vocabulary.Special = weight, []int32{48, 49}
	return &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}, Words: w}
}

// A pass with masked words, on a number of threads: what it says, and the gradients of all parameters.
func wordsPass(t *testing.T, o *Objective, threads int) (parts training.Parts, grads [][]float32) {
	t.Helper()
	if err := torch.SetThreads(threads); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	modeltest.Grad(t, func(s *torch.Scope) {
		var err error
		if parts, err = o.Accumulate(s, modeltest.Pairs(o.Model.Config, 27, 0)); err != nil {
			t.Error(err)
		}
		var leaves []*torch.Tensor
		for _, p := range o.Params() {
			leaves = append(leaves, p.Tensor())
			grads = append(grads, p.Tensor().Gradient(s).Float32s())
		}
		torch.DropGradients(leaves)
	})
	return parts, grads
}

func TestLanesShareTheMaskedWords(t *testing.T) {
	o := withWords(t, modeltest.NewTiny(t, modeltest.Unchanged), 0.7)
	whole, want := wordsPass(t, o, 1)
	for _, threads := range []int{2, 3} {
		parts, got := wordsPass(t, o, threads)
		for i, n := range whole.Extra {
			if math.Abs(parts.Extra[i].Value-n.Value) > 1e-5 {
				t.Errorf("%d lanes: %s is %g, want %g", threads, n.Name, parts.Extra[i].Value, n.Value)
			}
		}
		for i, p := range o.Params() {
			golden.Close(t, fmt.Sprint(threads, " lanes: ", p.Name), got[i], want[i], golden.Tol{RelMax: 1e-5})
		}
	}
}

// The contrastive loss is what it is without masked words, and an untrained head guesses: ln V.
func TestMaskedWordsStandBesideTheContrastiveLoss(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	o := withWords(t, m, 0.7)
	with, _ := wordsPass(t, o, 1)
	modeltest.Described(t, o, with)
	alone := *o
	alone.Words = nil
	without, _ := wordsPass(t, &alone, 1)
	if curves := alone.Curves(); curves != nil {
		t.Errorf("without masked words there are %v", curves)
	}
	if with.Part("contrastive_loss") != without.Loss {
		t.Errorf("the contrastive loss is %g, want %g", with.Part("contrastive_loss"), without.Loss)
	}
	mlm := with.Part("mlm_loss")
	if math.Abs(with.Loss-without.Loss-0.7*mlm) > 1e-12 || math.Abs(mlm-math.Log(50)) > 0.3 {
		t.Errorf("the loss is %g, of which %g and 0.7 times %g", with.Loss, without.Loss, mlm)
	}
}

// The gradient against central differences of the loss itself. The step of 1e-2 is large enough that float32's roundings of the
// loss, 5e-7, leave 2.5e-5.
func TestMaskedWordsHaveTheGradientOfTheirLoss(t *testing.T) {
	o := withWords(t, modeltest.NewTiny(t, modeltest.Unchanged), 1)
	_, grads := wordsPass(t, o, 1)
	_, contrast := wordsPass(t, &Objective{Model: o.Model, Loss: o.Loss}, 1)
	for i := range contrast {
		for k := range contrast[i] {
			grads[i][k] -= contrast[i][k]
		}
	}
	for i, p := range o.Params() {
		k := largestOf(grads[i])
		var by [2]float64
		for side, step := range []float32{1e-2, -1e-2} {
			move(t, p.Tensor(), k, step)
			parts, _ := wordsPass(t, o, 1)
			by[side] = parts.Part("mlm_loss")
			move(t, p.Tensor(), k, -step)
		}
		want := (by[0] - by[1]) / 2e-2
		if got := float64(grads[i][k]); math.Abs(got-want) > 1e-4+0.03*math.Abs(want) {
			t.Errorf("%s at %d: %g, the loss says %g", p.Name, k, got, want)
		}
	}
}

func largestOf(v []float32) (at int) {
	for i, x := range v {
		if math.Abs(float64(x)) > math.Abs(float64(v[at])) {
			at = i
		}
	}
	return at
}

func move(t *testing.T, leaf *torch.Tensor, at int, by float32) {
	t.Helper()
	err := torch.Do(t.Context(), func(s *torch.Scope) error {
		v := leaf.Float32s()
		v[at] += by
		leaf.OverwriteInPlace(torch.From(s, v, len(v)).Bytes())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wordsTrainer is a trainer with masked words; its checkpoints have the head beside the model.
func wordsTrainer(t *testing.T, o *Objective, dir string, steps int) *training.Trainer {
	t.Helper()
	tr := trainerOf(t, o.Model, steps, 3e-3)
	tr.Objective = o
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(o.Params(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	tr.Hooks = []training.Hook{&training.Checkpoints{Dir: dir, Keep: 1, Log: slog.New(slog.DiscardHandler), Files: []training.File{
		{Name: "model.safetensors", Write: o.Model.WriteWeights}, {Name: "heads.safetensors", Write: o.Words.Write},
	}}}
	return tr
}

func TestResumeContinuesMaskedWordsExactly(t *testing.T) {
	const steps = 8
	final := func(stops ...int) string {
		dir := t.TempDir()
		m := modeltest.NewTiny(t, modeltest.Unchanged)
		for _, stop := range append(stops, 0) {
			o := withWords(t, m, 0.5)
			tr := wordsTrainer(t, o, dir, steps)
			if at, _, err := training.Latest(dir); err == nil {
				if err := o.Words.Read(t.Context(), filepath.Join(at, "heads.safetensors")); err != nil {
					t.Fatal(err)
				}
			}
			modeltest.Resume(t, dir, m.Params(), tr)
			tr.StopAfter = stop
			if err := tr.Run(t.Context(), stream(m.Config, tr.Progress.Position)); err != nil {
				t.Fatal(err)
			}
		}
		return contents(t, filepath.Join(dir, fmt.Sprintf("step-%08d", steps)))
	}
	whole := final()
	if got := final(3, 1); got != whole {
		t.Errorf("two stops:\n%s\nwithout:\n%s", got, whole)
	}
}

// Captions that repeat one word: a masked word is equal to the word before or behind it. New masks each step: a key is
// the sample's, and here the step's too.
func TestMaskedWordsAreLearnt(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	tr := wordsTrainer(t, withWords(t, m, 1), t.TempDir(), 200)
	b := modeltest.Pairs(m.Config, 16, 0)
	for i := range b.N {
		for k := 1; k < b.Lengths[i]-1; k++ {
			b.IDs[i*12+k] = int32(1 + 2*i)
		}
	}
	live := torch.Live()
	var right float64
	for range 200 {
		for i := range b.DropKeys {
			b.DropKeys[i] += 0x9e3779b97f4a7c15
		}
		st, err := tr.Step(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if st.Step > 180 {
			right += st.Part("mlm_accuracy") / 20
		}
	}
	if right < 0.8 {
		t.Errorf("%.0f %% of the words are restored", 100*right)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
}

// A batch of which no word is chosen has no such loss, and its step is made all the same.
func TestABatchWithoutChosenWordsIsTrained(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	o := withWords(t, m, 1)
	b := modeltest.Pairs(m.Config, 16, 0)
	for i := range b.N { // nothing but a start and an end
		clear(b.IDs[i*12 : (i+1)*12])
		b.IDs[i*12], b.IDs[i*12+1], b.Lengths[i] = 48, 49, 2
	}
	b.MaxTokens = 2
	st, err := wordsTrainer(t, o, t.TempDir(), 10).Step(t.Context(), b)
	if err != nil || st.Skipped || !math.IsNaN(st.Part("mlm_loss")) || st.Loss != st.Part("contrastive_loss") {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestHeadsThatDoNotFitAreNamed(t *testing.T) {
	o := withWords(t, modeltest.NewTiny(t, modeltest.Unchanged), 1)
	var b bytes.Buffer
	if err := o.Words.Write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heads.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	other := withWords(t, modeltest.NewTiny(t, func(c *model.Config) { c.Text.VocabSize = 60 }), 1)
	if err := other.Words.Read(t.Context(), path); err == nil || !strings.Contains(err.Error(), "mlm.bias is [50], not [60]") {
		t.Errorf("got %v", err)
	}
	if err := o.Words.Read(t.Context(), path+".gone"); err == nil {
		t.Error("a missing file was read")
	}
	o.Model.Config.Text.ContextLength = 12
	batch := modeltest.Pairs(o.Model.Config, 4, 0)
	batch.DropKeys = nil
	modeltest.Grad(t, func(s *torch.Scope) {
		if _, err := o.Accumulate(s, batch); err == nil || !strings.Contains(err.Error(), "4 captions come with 4 lengths and 0 keys") {
			t.Errorf("got %v", err)
		}
	})
}

package contrastive

import (
	"fmt"
	"iter"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

func trainerOf(t *testing.T, m *model.Model, steps int, lr float64) *training.Trainer {
	t.Helper()
	c := optim.Default()
	c.GradClipNorm = 1
	tr := &training.Trainer{
		Objective: &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}, LR: lr,
		Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: steps / 10, Steps: steps},
	}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(m.Params(), c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	return tr
}

func TestSixteenPairsAreLearntByHeart(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	tr := trainerOf(t, m, 150, 3e-3)
	b := modeltest.Pairs(m.Config, 16, 0)
	first, err := tr.Step(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(first.Loss-math.Log(16)) > 1.5 {
		t.Errorf("an untrained model's loss is %.3f, want about ln 16", first.Loss)
	}
	var last training.Stats
	for tr.Progress.Step < 150 {
		if last, err = tr.Step(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if last.Loss > 0.01 {
		t.Errorf("loss %.4f after %d steps", last.Loss, last.Step)
	}
	images, err := m.EmbedImages(t.Context(), b.Pixels, 16)
	if err != nil {
		t.Fatal(err)
	}
	words, err := m.EmbedTokens(t.Context(), b.IDs, 16)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		if best := nearest(images[16*i:16*i+16], words); best != i {
			t.Errorf("picture %d finds caption %d", i, best)
		}
	}
}

func nearest(query, rows []float32) int {
	best, at := math.Inf(-1), 0
	for i := range len(rows) / len(query) {
		if c := modeltest.Cosine(query, rows[i*len(query):(i+1)*len(query)]); c > best {
			best, at = c, i
		}
	}
	return at
}

// stream yields the pairs of an endless stream from a position on.
func stream(c model.Config, from int64) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		b := modeltest.Pairs(c, 8, from)
		for yield(b, nil) {
			b = modeltest.Pairs(c, 8, b.Next)
		}
	}
}

// Train 12 steps at once, or 5, save, load, and 7 more: every byte of the last checkpoint is the same. Patch dropout
// is on, so that random choices take part.
func TestResumeContinuesExactly(t *testing.T) {
	for name, at := range map[string]model.Placement{"float32": model.On(), "bfloat16": modeltest.InBFloat16()} {
		t.Run(name, func(t *testing.T) { resumeContinuesExactly(t, at) })
	}
}

func resumeContinuesExactly(t *testing.T, at model.Placement) {
	const steps = 12
	final := func(stops ...int) string {
		dir := t.TempDir()
		m := modeltest.NewTinyOn(t, at, func(c *model.Config) { c.Vision.PatchDropout = 0.5 })
		for _, stop := range append(stops, 0) {
			tr := trainerOf(t, m, steps, 1e-3)
			modeltest.Resume(t, dir, m.Params(), tr)
			tr.StopAfter = stop
			tr.Hooks = []training.Hook{&training.Checkpoints{Dir: dir, Keep: 1, Log: slog.New(slog.DiscardHandler),
				Files: []training.File{{Name: "model.safetensors", Write: m.WriteWeights}}}}
			if err := tr.Run(t.Context(), stream(m.Config, tr.Progress.Position)); err != nil {
				t.Fatal(err)
			}
		}
		return contents(t, filepath.Join(dir, fmt.Sprintf("step-%08d", steps)))
	}
	whole := final()
	if got := final(5); got != whole {
		t.Errorf("one stop:\n%s\nwithout:\n%s", got, whole)
	}
	if got := final(1, 3, 2); got != whole {
		t.Errorf("three stops:\n%s\nwithout:\n%s", got, whole)
	}
}

// contents is the manifest of a checkpoint: name, size and hash of every file.
func contents(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "MANIFEST"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestALockedScaleStays(t *testing.T) {
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	tr := trainerOf(t, m, 10, 1e-2)
	if err := m.Lock(t.Context(), model.Lock{Scale: true}); err != nil {
		t.Fatal(err)
	}
	o := &Objective{Model: m, Loss: InfoNCE{Smoothing: losses.Smoothing{Form: losses.Others}}}
	tr.Objective = o
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(o.Params(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Optimizer.Free()
	var scales []float64
	for range 3 {
		st, err := tr.Step(t.Context(), modeltest.Pairs(m.Config, 4, int64(tr.Progress.Step)))
		if err != nil {
			t.Fatal(err)
		}
		scales = append(scales, st.Scale)
	}
	if scales[0] != scales[2] || math.Abs(scales[0]-1/0.07) > 1e-4 {
		t.Errorf("scales %v", scales)
	}
}

package contrastive

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/optim"
	"clipgo/internal/safetensors"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/text"
	"clipgo/training"
	"clipgo/vision"
)

func tinyConfig() model.Config {
	c := model.Config{EmbedDim: 16, Vision: vision.Default(), Text: text.Default()}
	c.Vision.ImageSize, c.Vision.PatchSize, c.Vision.Layers, c.Vision.Width, c.Vision.HeadWidth = 16, 4, 2, 32, 16
	c.Text.ContextLength, c.Text.VocabSize, c.Text.Layers, c.Text.Width, c.Text.Heads = 12, 50, 2, 32, 2
	return c
}

func newTiny(t *testing.T, change func(c *model.Config)) *model.Model {
	t.Helper()
	return newTinyOn(t, On(), change)
}

func newTinyOn(t *testing.T, at model.Placement, change func(c *model.Config)) *model.Model {
	t.Helper()
	torchtest.Need(t)
	c := tinyConfig()
	change(&c)
	m, err := New(t.Context(), c, 1, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// newTinyAt is newTiny in another place; the weights are the same.
func newTinyAt(t *testing.T, at model.Placement) *model.Model {
	t.Helper()
	torchtest.Need(t)
	m, err := New(t.Context(), tinyConfig(), 1, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

func unchanged(*model.Config) {}

// pairs makes n different pictures, each with a caption of its own, at a position of an endless stream.
func pairs(c model.Config, n int, position int64) *datasets.Batch {
	rng := rand.New(rand.NewPCG(uint64(position), 9))
	size, l := c.Vision.ImageSize, c.Text.ContextLength
	b := &datasets.Batch{N: n, ContextLength: l, Next: position + int64(n), Pixels: make([]uint8, n*size*size*3), IDs: make([]int32, n*l)}
	for i := range b.Pixels {
		b.Pixels[i] = uint8(rng.Uint32())
	}
	for i := range n {
		words := 1 + rng.IntN(l-2)
		b.MaxTokens = max(b.MaxTokens, words+2)
		b.Lengths = append(b.Lengths, words+2)
		row := b.IDs[i*l:]
		row[0], row[words+1] = int32(c.Text.VocabSize-2), int32(c.Text.VocabSize-1)
		for k := range words {
			row[1+k] = 1 + int32(rng.IntN(c.Text.VocabSize-3))
		}
		b.DropKeys = append(b.DropKeys, rng.Uint64())
	}
	return b
}

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
	m := newTiny(t, unchanged)
	tr := trainerOf(t, m, 150, 3e-3)
	b := pairs(m.Config, 16, 0)
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
		if c := cosine(query, rows[i*len(query):(i+1)*len(query)]); c > best {
			best, at = c, i
		}
	}
	return at
}

// stream yields the pairs of an endless stream from a position on.
func stream(c model.Config, from int64) iter.Seq2[*datasets.Batch, error] {
	return func(yield func(*datasets.Batch, error) bool) {
		b := pairs(c, 8, from)
		for yield(b, nil) {
			b = pairs(c, 8, b.Next)
		}
	}
}

// Train 12 steps at once, or 5, save, load, and 7 more: every byte of the last checkpoint is the same. Patch dropout
// is on, so that random choices take part.
func TestResumeContinuesExactly(t *testing.T) {
	for name, at := range map[string]model.Placement{"float32": On(), "bfloat16": inBFloat16} {
		t.Run(name, func(t *testing.T) { resumeContinuesExactly(t, at) })
	}
}

func resumeContinuesExactly(t *testing.T, at model.Placement) {
	const steps = 12
	final := func(stops ...int) string {
		dir := t.TempDir()
		m := newTinyOn(t, at, func(c *model.Config) { c.Vision.PatchDropout = 0.5 })
		for _, stop := range append(stops, 0) {
			tr := trainerOf(t, m, steps, 1e-3)
			resume(t, dir, m, tr)
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

// resume puts a run's newest checkpoint into a model and a trainer, as the command does.
func resume(t *testing.T, dir string, m *model.Model, tr *training.Trainer) {
	t.Helper()
	at, _, err := training.Latest(dir)
	if err != nil {
		return // the first sitting
	}
	state, err := training.ReadState(at)
	if err != nil {
		t.Fatal(err)
	}
	tr.Progress = state.Progress
	weights, err := safetensors.Open(filepath.Join(at, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	err = torch.Do(t.Context(), func(*torch.Scope) error {
		for _, p := range m.Params() {
			w, _ := weights.Tensor(p.Name)
			p.Tensor().OverwriteInPlace(w.Data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := training.Restore(t.Context(), at, tr.Optimizer); err != nil {
		t.Fatal(err)
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
	m := newTiny(t, unchanged)
	tr := trainerOf(t, m, 10, 1e-2)
	if err := m.Lock(t.Context(), Lock{Scale: true}); err != nil {
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
		st, err := tr.Step(t.Context(), pairs(m.Config, 4, int64(tr.Progress.Step)))
		if err != nil {
			t.Fatal(err)
		}
		scales = append(scales, st.Scale)
	}
	if scales[0] != scales[2] || math.Abs(scales[0]-1/0.07) > 1e-4 {
		t.Errorf("scales %v", scales)
	}
}

func TestEmbeddingInPiecesIsTheSame(t *testing.T) {
	m := newTiny(t, unchanged)
	b := pairs(m.Config, embedBatch+5, 0)
	live := torch.Live()
	all, err := m.EmbedImages(t.Context(), b.Pixels, b.N)
	if err != nil {
		t.Fatal(err)
	}
	last, err := m.EmbedImages(t.Context(), b.Pixels[(b.N-2)*16*16*3:], 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "last two", last, all[(b.N-2)*16:], featureTol)
	for i := range b.N {
		var norm float64
		for _, v := range all[16*i : 16*i+16] {
			norm += float64(v) * float64(v)
		}
		if math.Abs(norm-1) > 1e-5 {
			t.Fatalf("row %d has norm %g", i, math.Sqrt(norm))
		}
	}
	if none, err := m.EmbedTokens(t.Context(), nil, 0); err != nil || len(none) != 0 {
		t.Errorf("nothing gave %v, %v", none, err)
	}
	if torch.Live() != live {
		t.Errorf("%d handles stayed behind", torch.Live()-live)
	}
}

// TestPaddingChangesNoFeature compares captions without the padding behind the longest with whole rows.
func TestPaddingChangesNoFeature(t *testing.T) {
	m := newTiny(t, unchanged)
	b := pairs(m.Config, 8, 0)
	for i := range b.N { // short ones: the last ids of all rows are padding
		row := b.IDs[i*b.ContextLength : (i+1)*b.ContextLength]
		clear(row)
		copy(row, []int32{48, int32(1 + i), 49})
	}
	if keep := longest(b.IDs, b.ContextLength); keep != 3 {
		t.Fatalf("the longest has %d ids, want 3", keep)
	}
	got, err := m.EmbedTokens(t.Context(), b.IDs, b.N)
	if err != nil {
		t.Fatal(err)
	}
	err = torch.Do(t.Context(), func(s *torch.Scope) error {
		near(t, "features", got, m.EncodeTokens(s, b.IDs, b.N, m.mode()).Float32s(), featureTol)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWeightsThatDoNotFitAreNamed(t *testing.T) {
	m := newTiny(t, unchanged)
	var b bytes.Buffer
	if err := m.WriteWeights(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	same, err := Load(t.Context(), m.Config, opened(t, path), On())
	if err != nil {
		t.Fatal(err)
	}
	defer same.Free()
	var again bytes.Buffer
	if err := same.WriteWeights(&again); err != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("weights changed on their way, %v", err)
	}
	for want, change := range map[string]func(c *model.Config){
		"missing: transformer.resblocks.2.":                    func(c *model.Config) { c.Text.Layers = 3 },
		"unexpected: visual.transformer.resblocks.1.":          func(c *model.Config) { c.Vision.Layers = 1 },
		"does not fit: text_projection is [32 16], not [32 8]": func(c *model.Config) { c.EmbedDim = 8 },
		"positional_embedding is [12 32], not [11 32]":         func(c *model.Config) { c.Text.ContextLength = 11 },
	} {
		c := m.Config
		change(&c)
		if _, err := Load(t.Context(), c, opened(t, path), On()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
}

func TestFreshModelsDependOnTheSeedAlone(t *testing.T) {
	write := func(seed uint64) []byte {
		m, err := New(t.Context(), tinyConfig(), seed, On())
		if err != nil {
			t.Fatal(err)
		}
		defer m.Free()
		var b bytes.Buffer
		if err := m.WriteWeights(io.Writer(&b)); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	torchtest.Need(t)
	if a, b := write(1), write(1); !slices.Equal(a, b) {
		t.Error("one seed gave two models")
	}
	if slices.Equal(write(1), write(2)) {
		t.Error("two seeds gave one model")
	}
}

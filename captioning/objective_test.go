package captioning

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/internal/nn"
	"clipgo/internal/optim"
	"clipgo/internal/torch"
	"clipgo/internal/torch/torchtest"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
)

func newTiny(t *testing.T) Captioner { return newTinyOn(t, torch.CPU) }

func newTinyOn(t *testing.T, device torch.Device) Captioner {
	t.Helper()
	c, err := Of(modeltest.New(t, modeltest.TinyCoCaConfig(), model.Placement{Device: device, DType: torch.Float32}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func objectiveOf(c Captioner, w Weights) *Objective {
	none := losses.Smoothing{Form: losses.Others}
	return &Objective{Objective: contrastive.Objective{Model: c.Model, Loss: contrastive.InfoNCE{Smoothing: none}}, Weights: w,
		Smoothing: losses.Smoothing{Share: 0.1, Form: losses.Others}}
}

// gradients are those of all parameters, nil where none arrived; they are dropped.
func gradients(s *torch.Scope, c Captioner) (out [][]float32) {
	var leaves []*torch.Tensor
	for _, p := range c.Params() {
		var values []float32
		if g := p.Tensor().Gradient(s); g != nil {
			values = g.Float32s()
		}
		out, leaves = append(out, values), append(leaves, p.Tensor())
	}
	torch.DropGradients(leaves)
	return out
}

// The oracle is one graph over the whole batch, whose captions keep all of their padding; float32 sums in another order.
func TestLanesGiveTheLossAndGradientOfOneGraph(t *testing.T) {
	c := newTiny(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	b := modeltest.Pairs(c.Config, 27, 0)
	for _, w := range []Weights{DefaultWeights(), {Contrastive: 0, Caption: 1}, {Contrastive: 0.3, Caption: 0.7}} {
		var loss float64
		var want [][]float32
		torchtest.RunGrad(t, func(s *torch.Scope) {
			picture, words := c.EncodeImageTokens(s, b.Pixels, b.N, nn.Mode{}), c.EncodeTextTokens(s, b.IDs, b.N, nn.Mode{})
			total := c.Loss(c.Hidden(words.Tokens, picture.Tokens, nn.Mode{}), b.IDs,
				losses.CrossEntropy{Smoothing: losses.Smoothing{Share: 0.1, Form: losses.Others}}).Scale(w.Caption)
			if w.Contrastive > 0 {
				total = total.Add(contrastive.InfoNCE{}.Forward(contrastive.LossInput{Image: picture.Features, Text: words.Features,
					Scale: c.Scale(s)}).Scale(w.Contrastive))
			}
			total.Backward()
			loss, want = total.Item(), gradients(s, c)
		})
		for _, threads := range []int{1, 2, 3} {
			if err := torch.SetThreads(threads); err != nil {
				t.Fatal(err)
			}
			for _, micro := range []int{0, 1, 16} { // also in micro-batches, whose features are computed twice
				torchtest.RunGrad(t, func(s *torch.Scope) {
					o := objectiveOf(c, w)
					o.MicroBatch = micro
					got, err := o.Accumulate(s, b)
					if err != nil {
						t.Fatal(err)
					}
					if math.Abs(got.Loss-loss) > 1e-5 {
						t.Errorf("%+v, %d threads, %d at once: loss %.7f, want %.7f", w, threads, micro, got.Loss, loss)
					}
					compare(t, c, gradients(s, c), want)
				})
			}
		}
	}
}

func compare(t *testing.T, c Captioner, got, want [][]float32) {
	t.Helper()
	for i, p := range c.Params() {
		var most, off float64
		for k, v := range want[i] {
			var g float32
			if got[i] != nil {
				g = got[i][k]
			}
			most, off = max(most, math.Abs(float64(v))), max(off, math.Abs(float64(v-g)))
		}
		if !(off <= 2e-5*most+1e-9) {
			t.Errorf("%s is off by %.2g of %.2g", p.Name, off, most)
		}
	}
}

func trainer(t *testing.T, c Captioner, steps int) *training.Trainer {
	t.Helper()
	tr := &training.Trainer{Objective: objectiveOf(c, DefaultWeights()), LR: 5e-3,
		Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: 2, Steps: steps}}
	err := torch.Do(t.Context(), func(*torch.Scope) error {
		tr.Optimizer = optim.New(c.Trained(), optim.Default())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Optimizer.Free)
	return tr
}

// What is learnt by heart is written down again: by each way of generating, and with perplexity near 1.
func TestCaptionsLearntByHeartAreWritten(t *testing.T) {
	c := newTiny(t)
	const n = 12
	b := modeltest.Pairs(c.Config, n, 0)
	tr := trainer(t, c, 160)
	tr.Objective.(*Objective).Smoothing.Share = 0
	for tr.Progress.Step < 160 {
		if _, err := tr.Step(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for _, method := range []Method{Greedy, Beam, TopP} {
		g := Generation{Method: method, Beams: 3, LengthPenalty: 1, TopP: 0.5, Temperature: 1, MaxLength: 30, Start: 48, End: 49}
		got, err := c.Generate(t.Context(), b.Pixels, n, g)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for i, caption := range got {
			row := append(append([]int32{48}, caption.IDs...), 49)
			if string(bytesOf(row)) == string(bytesOf(b.IDs[i*12:i*12+len(row)])) && caption.Ended {
				right++
			}
		}
		if right < n {
			t.Errorf("%s: %d of %d captions", method, right, n)
		}
	}
	sum, tokens, err := c.Likelihood(t.Context(), b.Pixels, b.IDs, n)
	if p := math.Exp(sum / float64(tokens)); err != nil || p > 1.1 {
		t.Errorf("perplexity %.3f over %d tokens, %v", p, tokens, err)
	}
}

func bytesOf(ids []int32) []byte {
	out := make([]byte, len(ids))
	for i, id := range ids {
		out[i] = byte(id)
	}
	return out
}

// Train 10 steps at once, or 4, save, load, and 6 more: every byte of the last checkpoint is the same.
func TestResumeContinuesExactly(t *testing.T) {
	final := func(stops ...int) string {
		dir := t.TempDir()
		c := newTiny(t)
		for _, stop := range append(stops, 0) {
			tr := trainer(t, c, 10)
			modeltest.Resume(t, dir, c.Params(), tr)
			tr.StopAfter = stop
			tr.Hooks = []training.Hook{&training.Checkpoints{Dir: dir, Keep: 1, Log: slog.New(slog.DiscardHandler),
				Files: []training.File{{Name: "model.safetensors", Write: c.WriteWeights}}}}
			err := tr.Run(t.Context(), func(yield func(*datasets.Batch, error) bool) {
				for b := modeltest.Pairs(c.Config, 9, tr.Progress.Position); yield(b, nil); {
					b = modeltest.Pairs(c.Config, 9, b.Next)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		last, _, err := training.Latest(dir)
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	whole, parts := final(), final(4)
	for _, name := range []string{"model.safetensors", "optimizer.safetensors"} {
		if !bytes.Equal(read(t, whole, name), read(t, parts, name)) {
			t.Errorf("%s differs", name)
		}
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Supervised fine-tuning: what is locked gets no gradient, and the contrastive part is not computed.
func TestALockedImageTowerStaysWhileTheDecoderLearns(t *testing.T) {
	c := newTiny(t)
	if err := c.Lock(t.Context(), model.Lock{Image: true}); err != nil {
		t.Fatal(err)
	}
	values := func(name string) (out []float32) {
		_ = torch.Do(t.Context(), func(*torch.Scope) error {
			for _, p := range c.Params() {
				if p.Name == name {
					out = p.Tensor().Float32s()
				}
			}
			return nil
		})
		return out
	}
	names := []string{"visual.attn_pool.query", "visual.conv1.weight", "text_decoder.text_projection", "text.token_embedding.weight"}
	var before [][]float32
	for _, name := range names {
		before = append(before, values(name))
	}
	tr := trainer(t, c, 20)
	tr.Objective.(*Objective).Weights = Weights{Caption: 1}
	b := modeltest.Pairs(c.Config, 12, 0)
	var first, last training.Stats
	for tr.Progress.Step < 20 {
		st, err := tr.Step(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		if last = st; st.Step == 1 {
			first = st
		}
	}
	modeltest.Described(t, tr.Objective.(*Objective), last.Parts)
	if !(last.Loss < 0.8*first.Loss) || last.Part("contrastive_loss") != 0 {
		t.Errorf("from %+v to %+v", first.Parts, last.Parts)
	}
	for i, name := range names {
		same := slices.Equal(before[i], values(name))
		if want := i < 2; same != want {
			t.Errorf("%s unchanged: %v, want %v", name, same, want)
		}
	}
}

// Blocks that are computed again, those that read the picture among them, give the same bits as those that are kept.
func TestRecomputingBlocksChangesNoGradient(t *testing.T) {
	c := newTiny(t)
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for _, threads := range []int{1, 3} {
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		pass := func(recompute bool) (loss float64, grads [][]float32) {
			c.Recompute = recompute
			torchtest.RunGrad(t, func(s *torch.Scope) {
				parts, err := objectiveOf(c, DefaultWeights()).Accumulate(s, modeltest.Pairs(c.Config, 27, 0))
				if err != nil {
					t.Fatal(err)
				}
				loss, grads = parts.Loss, gradients(s, c)
			})
			return loss, grads
		}
		loss, want := pass(false)
		again, got := pass(true)
		if loss != again {
			t.Errorf("%d threads: loss %v, was %v", threads, again, loss)
		}
		for i, p := range c.Params() {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%d threads: %s has another gradient", threads, p.Name)
			}
		}
	}
}

package captioning

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"clipgo/datasets"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// The trainings that several processes make as one does, by name: weights of the losses, and pairs of a micro-batch.
var spreadCases = map[string]struct {
	weights Weights
	micro   int
}{
	"both": {DefaultWeights(), 0}, "micro batches": {DefaultWeights(), 3}, "captions": {Weights{Contrastive: 0, Caption: 1}, 0},
}

const spreadPairs = 16 // of all processes

func spreadSteps() int {
	if soaks() {
		return 30
	}
	return 3
}

func soaks() bool { return os.Getenv("CLIPGO_SOAK") != "" }

// train makes the steps of a case, alone or as one of a group. It returns the losses and all parameters.
func train(t *testing.T, name string, g dist.Group) (numbers []float64, params []byte) {
	t.Helper()
	c := newTiny(t)
	o := objectiveOf(c, spreadCases[name].weights)
	o.MicroBatch = spreadCases[name].micro
	adamw := training.DefaultAdamW()
	adamw.Eps = 1e-3 // above the rounding in gradients that are 0, such as the keys' biases
	tr, err := training.New(t.Context(), o, adamw, training.Schedule{Kind: training.Const, Steps: spreadSteps()})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Free()
	if g != nil {
		if err := tr.Join(g); err != nil {
			t.Fatal(err)
		}
	}
	var said []float64
	tr.BucketBytes = 16 << 10 // many sums
	for step := range spreadSteps() {
		b := modeltest.Pairs(c.Config, spreadPairs, int64(step*spreadPairs))
		if g != nil {
			from, to := partOf(step, g.Rank(), g.World(), b.N)
			b = cut(b, from, to)
		}
		st, err := tr.Step(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		disttest.Count(g)
		said = append(said, st.Loss, st.Part("caption_loss"), st.Part("contrastive_loss"), st.GradNorm)
	}
	return said, disttest.Parameters(t, o.Params())
}

// partOf is the part of a process in n pairs. In every other step the last process has none.
func partOf(step, rank, world, n int) (from, to int) {
	if with := world - step%2; rank < with {
		return rank * n / with, (rank + 1) * n / with
	}
	return n, n
}

// cut is the pairs [from, to) of a batch.
func cut(b *datasets.Batch, from, to int) *datasets.Batch {
	pixels, l := len(b.Pixels)/b.N, b.ContextLength
	out := &datasets.Batch{N: to - from, ContextLength: l, Next: b.Next, Pixels: b.Pixels[from*pixels : to*pixels],
		IDs: b.IDs[from*l : to*l], Lengths: b.Lengths[from:to], DropKeys: b.DropKeys[from:to]}
	for _, n := range out.Lengths {
		out.MaxTokens = max(out.MaxTokens, n)
	}
	return out
}

// Several processes make the steps of one with the batch of all: the caption loss is the mean over the tokens of all.
func TestProcessesCaptionAsOne(t *testing.T) {
	if g := disttest.Group(t); g != nil {
		for _, name := range slices.Sorted(maps.Keys(spreadCases)) {
			numbers, params := train(t, name, disttest.After(g))
			disttest.Say(t, name+" numbers", disttest.Encoded(t, numbers))
			disttest.Say(t, name, params)
			counted := disttest.Counting(g)
			if _, again := train(t, name, counted); !bytes.Equal(again, params) || counted.Early == 0 && g.Rank() == 0 {
				t.Errorf("%s: %d sums started within the passes; the same parameters: %t", name, counted.Early, bytes.Equal(again, params))
			}
		}
		return
	}
	worlds := []int{2}
	if soaks() {
		worlds = append(worlds, 4)
	}
	for _, world := range worlds {
		said := disttest.Run(t, world)
		if t.Failed() {
			return
		}
		for name := range spreadCases {
			numbers, params := train(t, name, nil)
			what := fmt.Sprintf("%s by %d", name, world)
			t.Log(what)
			disttest.NearNumbers(t, disttest.Decoded[[]float64](t, said.Of(t, 0, name+" numbers")), numbers, 0)
			disttest.Near(t, said.Of(t, 0, name), params, 1e-4) // two lanes of one process are off by 4e-5: the biases begin at 0
			if !bytes.Equal(said.Of(t, 0, name), said.Of(t, world-1, name)) {
				t.Errorf("%s: the last process has other parameters than the first", what)
			}
		}
	}
}

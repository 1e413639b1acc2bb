package contrastive

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// The variables of the tests here: they run where the first is set, with a model, a batch of all processes and a number of layers of each
// tower.
const (
	speedVariable      = "CLIPGO_BENCH_PROCESSES"
	speedModelVariable = "CLIPGO_BENCH_MODEL"
	speedBatchVariable = "CLIPGO_BENCH_BATCH"
	speedLayerVariable = "CLIPGO_BENCH_LAYERS"
)

// timedSteps are the seconds of optimizer steps, sorted, after one that isn't counted.
func timedSteps(t *testing.T, g dist.Group, pairs int) (seconds []float64) {
	t.Helper()
	const steps = 8
	tr, b := speedTrainer(t, g, pairs)
	for step := range steps + 1 {
		begun := time.Now()
		if _, err := tr.Step(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if step > 0 {
			seconds = append(seconds, time.Since(begun).Seconds())
		}
	}
	slices.Sort(seconds)
	return seconds
}

// speedTrainer trains the model of the benchmarks, with a batch of this process.
func speedTrainer(t *testing.T, g dist.Group, pairs int) (*training.Trainer, *datasets.Batch) {
	t.Helper()
	c, err := model.NamedConfig(cmp.Or(os.Getenv(speedModelVariable), "ViT-B-32"))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := strconv.Atoi(os.Getenv(speedLayerVariable)); n > 0 {
		c.Vision.Layers, c.Text.Layers = n, n
	}
	o := &Objective{Model: modeltest.New(t, c, model.On()), Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}}
	adamw := training.DefaultAdamW()
	adamw.GradClipNorm = 1
	tr, err := training.New(t.Context(), o, adamw, training.Schedule{Kind: training.Const, Steps: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Free)
	b := modeltest.Pairs(c, pairs, 0)
	if g != nil {
		if err := tr.Join(g); err != nil {
			t.Fatal(err)
		}
		n := pairs / g.World()
		b = cut(b, g.Rank()*n, n)
	}
	return tr, b
}

// Two processes of one thread against one of two threads with the same pairs, by the median of the steps. It measures and checks nothing.
func TestTheCostOfProcesses(t *testing.T) {
	if os.Getenv(speedVariable) == "" {
		t.Skip(speedVariable + " is not set")
	}
	pairs, _ := strconv.Atoi(cmp.Or(os.Getenv(speedBatchVariable), "32"))
	if g := disttest.Group(t); g != nil {
		disttest.Say(t, "seconds", disttest.Encoded(t, timedSteps(t, g, pairs)))
		return
	}
	if err := torch.SetThreads(2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = torch.SetThreads(0) })
	for range 2 { // the load of a machine changes
		one := timedSteps(t, nil, pairs)
		two := disttest.Decoded[[]float64](t, disttest.Run(t, 2).Of(t, 0, "seconds"))
		t.Logf("one process %.3f s a step (%.3f to %.3f), two %.3f s (%.3f to %.3f): %.3f", one[4], one[0], one[7],
			two[4], two[0], two[7], two[4]/one[4])
	}
}

// Steps of two processes of one thread with sums of gradients during and after the backward pass, in turn. It measures and checks
// nothing. Without a slow network there is little to hide.
func TestTheGainOfOverlap(t *testing.T) {
	if os.Getenv(speedVariable) == "" {
		t.Skip(speedVariable + " is not set")
	}
	pairs, _ := strconv.Atoi(cmp.Or(os.Getenv(speedBatchVariable), "32"))
	g := disttest.Group(t)
	if g == nil {
		t.Logf("%s", disttest.Run(t, 2).Of(t, 0, "lines"))
		return
	}
	ways := []dist.Group{disttest.After(g), disttest.Counting(g)}
	var seconds [2][]float64
	var trainers [2]*training.Trainer
	var b *datasets.Batch
	for i, way := range ways {
		trainers[i], b = speedTrainer(t, way, pairs)
	}
	const turns = 9
	for turn := range turns + 2 { // sums start within the third pass
		for i, tr := range trainers {
			begun := time.Now()
			if _, err := tr.Step(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if turn > 1 {
				seconds[i] = append(seconds[i], time.Since(begun).Seconds())
			}
			disttest.Count(ways[i])
		}
	}
	for i := range seconds {
		slices.Sort(seconds[i])
	}
	line := ""
	for i, way := range []string{"after the pass", "during it"} {
		line += fmt.Sprintf("%s %.3f s a step (%.3f to %.3f), ", way, seconds[i][turns/2], seconds[i][0], seconds[i][turns-1])
	}
	early := ways[1].(*disttest.Counted).Early / (turns + 1)
	line += fmt.Sprintf("%.3f; %d sums a step began early", seconds[1][turns/2]/seconds[0][turns/2], early)
	disttest.Say(t, "lines", []byte(line))
}

package contrastive

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"clipgo/internal/torch"
	"clipgo/losses"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// The variables of TestTheCostOfProcesses: it runs where the first is set, with a model and a batch of all processes.
const (
	speedVariable      = "CLIPGO_BENCH_PROCESSES"
	speedModelVariable = "CLIPGO_BENCH_MODEL"
	speedBatchVariable = "CLIPGO_BENCH_BATCH"
)

// timedSteps are the seconds of optimizer steps, sorted, after one that isn't counted.
func timedSteps(t *testing.T, g dist.Group, pairs int) (seconds []float64) {
	t.Helper()
	c, err := model.NamedConfig(cmp.Or(os.Getenv(speedModelVariable), "ViT-B-32"))
	if err != nil {
		t.Fatal(err)
	}
	m := modeltest.New(t, c, model.On())
	o := &Objective{Model: m, Loss: InfoNCE{losses.Smoothing{Form: losses.Others}}}
	adamw := training.DefaultAdamW()
	adamw.GradClipNorm = 1
	const steps = 8
	tr, err := training.New(t.Context(), o, adamw, training.Schedule{Kind: training.Const, Steps: steps + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Free()
	b := modeltest.Pairs(c, pairs, 0)
	if g != nil {
		if err := tr.Join(g); err != nil {
			t.Fatal(err)
		}
		n := pairs / g.World()
		b = cut(b, g.Rank()*n, n)
	}
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

package contrastive

import (
	"bytes"
	"fmt"
	"testing"

	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist/disttest"
)

// overlapCases are trainings whose gradients are many sums, with two lanes in each of two processes.
func overlapCases() []spreadCase {
	lock := func(l model.Lock) func(*testing.T, *Objective) {
		return func(t *testing.T, o *Objective) {
			if err := o.Model.Lock(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
	}
	micro := func(n int) func(*testing.T, *Objective) {
		return func(_ *testing.T, o *Objective) { o.MicroBatch = n }
	}
	out := []spreadCase{
		{name: "rows of a table", config: dropping},
		{name: "micro batches", change: micro(16)},
		{name: "a lane without a part", change: micro(19)}, // the last micro-batch is one pair
		{name: "words in micro batches", change: func(t *testing.T, o *Objective) { maskingWords(t, o); o.MicroBatch = 16 }},
		{name: "an empty part", parts: without(1), change: maskingWords},
		{name: "an empty part at first", parts: without(0)},
		{name: "locked image tower", change: lock(model.Lock{Image: true})},
		{name: "locked text tower", change: lock(model.Lock{Text: true})},
		{name: "blocks computed again", change: func(t *testing.T, o *Objective) { maskingWords(t, o); o.Model.Recompute = true }},
		{name: "bfloat16", at: modeltest.InBFloat16()},
		{name: "bfloat16 in micro batches", at: modeltest.InBFloat16(), change: micro(16)},
	}
	for i := range out {
		out[i].pairs, out[i].bytes = 40, 16<<10
	}
	return out
}

// without gives the last process nothing in a step.
func without(when int) func(step, world, all int) []int {
	return func(step, world, all int) []int {
		out, with := make([]int, world), world
		if step == when {
			with--
		}
		for rank := range with {
			out[rank] = (rank+1)*all/with - rank*all/with
		}
		return out
	}
}

// Sums that start within the backward pass give the bytes of those that start after it.
func TestOverlappedSumsAreTheSame(t *testing.T) {
	g := disttest.Group(t)
	if g == nil {
		disttest.Run(t, 2)
		disttest.Run(t, 3)
		return
	}
	for threads := 1; threads <= 2; threads++ {
		if threads > 1 && g.World() > 2 {
			break // the order of addition over processes has been seen, and lanes by two
		}
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		for i, c := range overlapCases() {
			c.name = fmt.Sprintf("%s, %d lanes, %d processes", c.name, threads, g.World())
			numbers, want := c.train(t, disttest.After(g))
			counted := disttest.Counting(g)
			again, got := c.train(t, counted)
			if fmt.Sprint(numbers) != fmt.Sprint(again) || !bytes.Equal(got, want) {
				t.Errorf("%s: other numbers or parameters", c.name)
			}
			t.Logf("%s: %d sums started within the passes", c.name, counted.Early)
			if counted.Early == 0 || counted.Made != 1 {
				t.Errorf("%s: %d sums started within the passes, %d plans", c.name, counted.Early, counted.Made)
			}
			if i > 0 {
				continue
			}
			part := training.Shard{Rank: g.Rank(), World: g.World(), Broadcast: g.Broadcast}
			if _, got = c.trainWith(t, g, part); !bytes.Equal(got, want) {
				t.Errorf("%s: other parameters with an optimizer state that is divided", c.name)
			}
		}
	}
}

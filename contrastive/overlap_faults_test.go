package contrastive

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/torch"
	"clipgo/model/modeltest"
	"clipgo/training"
	"clipgo/training/dist"
	"clipgo/training/dist/disttest"
)

// scripted is an Objective with other backward passes in some steps, counted from 0.
type scripted struct {
	*Objective
	step    int
	tries   int
	between func(o *scripted, i int, s *torch.Scope) // after the pictures' pass of part i
	noText  func(o *scripted) bool
}

func (o *scripted) Accumulate(s *torch.Scope, b *datasets.Batch) (training.Parts, error) {
	p := &trip{o: o.Objective}
	o.tries++
	err := torch.Try(func() { p.forward(s, b) })
	at, _, err := o.Meet(err, b.N)
	if err != nil {
		return training.Parts{}, err
	}
	loss, err := o.LossTogether(s, p.images, p.texts, b, at, 1)
	if err != nil {
		return training.Parts{}, err
	}
	err = torch.Try(func() {
		p.mb.Backward(func(i int, s *torch.Scope) {
			image, text := p.images[i], p.texts[i]
			if p.mb.Recomputed() {
				image, text = p.encode(i, s)
			}
			backward(image, loss.Image, p.mb.Parts[i].From)
			if o.between != nil {
				o.between(o, i, s)
			}
			if o.noText == nil || !o.noText(o) {
				backward(text, loss.Text, p.mb.Parts[i].From)
			}
		})
	})
	_, sums, err := o.Meet(err, b.N, loss.Loss.Item())
	if err != nil {
		return training.Parts{}, err
	}
	return training.Parts{Loss: sums[0], Scale: o.Model.Scale(s).Item()}, nil
}

const scriptedSteps = 6

// train makes the steps of a script and returns the parameters and how many passes it made, or the first error.
func (o scripted) train(t *testing.T, g dist.Group) (params []byte, tries int, err error) {
	t.Helper()
	m := modeltest.NewTiny(t, modeltest.Unchanged)
	o.Objective = &Objective{Model: m, Loss: InfoNCE{}}
	tr := trainerOf(t, m, scriptedSteps, 1e-3)
	tr.Objective, tr.BucketBytes = &o, 16<<10
	if err := tr.Join(g); err != nil {
		t.Fatal(err)
	}
	for o.step = range scriptedSteps {
		if _, err := tr.Step(t.Context(), (spreadCase{pairs: 40}).batch(m.Config, o.step, g)); err != nil {
			return nil, o.tries, err
		}
		disttest.Count(g)
	}
	return disttest.Parameters(t, o.Objective.Params()), o.tries, nil
}

// again makes a further pass of a picture.
func again(o *scripted, i int, s *torch.Scope) {
	b := (spreadCase{pairs: 40}).batch(o.Model.Config, 0, o.Group)
	x := o.Model.EncodeImages(s, b.Pixels[:len(b.Pixels)/b.N], 1, o.Model.Mode())
	x.Scale(1e-3).Sum().Backward()
}

// runsOut is a part whose memory is too small.
func runsOut(s *torch.Scope) { torch.Zeros(s, torch.Float32, torch.CPU, 1<<50) }

// A step that isn't as the plan expects is made again, and one that fails in the middle of one process's pass fails in all.
func TestPassesThatChange(t *testing.T) {
	g := disttest.Group(t)
	if g == nil {
		disttest.Run(t, 2)
		return
	}
	last := g.Rank() == g.World()-1
	for _, c := range []struct {
		name        string
		script      scripted
		tries, made int
		never       bool // no sum starts within a pass of a step that is kept
	}{
		{"as before", scripted{}, 6, 1, false},
		{"further accumulations", scripted{between: func(o *scripted, i int, s *torch.Scope) {
			if o.step == 3 && i == 0 && last {
				again(o, i, s)
			}
		}}, 7, 2, false},
		{"other ones in each step", scripted{between: func(o *scripted, i int, s *torch.Scope) {
			for range o.step {
				again(o, i, s)
			}
		}}, 6 + mostMisses, mostMisses, true},
		{"no gradients of a tower", scripted{noText: func(o *scripted) bool { return o.step == 3 }}, 8, 3, false},
		{"none in one process", scripted{noText: func(o *scripted) bool { return o.step == 3 && last }}, 6, 1, false},
		{"memory", scripted{between: func(o *scripted, i int, s *torch.Scope) {
			if o.step == 3 && i == 1 && last && o.MicroBatch == 0 {
				runsOut(s)
			}
		}}, 7, 2, false},
	} {
		threads := 1 // a lane: whether a bucket has started when a further gradient comes would depend on the other one
		if c.name == "memory" {
			threads = 2
		}
		if err := torch.SetThreads(threads); err != nil {
			t.Fatal(err)
		}
		want, _, err := c.script.train(t, disttest.After(g))
		if err != nil {
			t.Fatal(c.name, err)
		}
		counted := disttest.Counting(g)
		got, tries, err := c.script.train(t, counted)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, or other parameters", c.name, err)
		}
		if tries != c.tries || counted.Made != c.made || (counted.Early == 0) != c.never {
			t.Errorf("%s: %d passes and %d plans, want %d and %d; %d sums started early", c.name, tries, counted.Made, c.tries, c.made,
				counted.Early)
		}
	}
	if failsMidway(t, g); !t.Failed() { // a process that ends in the middle would say nothing
		endsMidway(t, g)
	}
}

// mostMisses is training's.
const mostMisses = 3

// failsMidway: an error in one process's pass is one of all, and the group can be used afterwards.
func failsMidway(t *testing.T, g dist.Group) {
	t.Helper()
	script := scripted{between: func(o *scripted, i int, s *torch.Scope) {
		if o.step == 3 && o.Group.Rank() == 1 {
			panic(&torch.Error{Op: "Matmul", Text: "no such kernel"})
		}
	}}
	_, _, err := script.train(t, g)
	want, agreed := []string{"process 1 failed", "no such kernel"}[g.Rank()], new(dist.Failure)
	if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &agreed) || agreed.Rank != 1 {
		t.Errorf("process %d: %v, want %q", g.Rank(), err, want)
	}
	if err := g.Barrier(); err != nil {
		t.Errorf("after a failed pass: %v", err)
	}
}

// endsMidway: a process that is gone in the middle of its pass ends the others with a line that names it.
func endsMidway(t *testing.T, g dist.Group) {
	t.Helper()
	script := scripted{between: func(o *scripted, i int, s *torch.Scope) {
		if o.step == 3 && o.Group.Rank() == 1 {
			os.Exit(0) // as a kill it says nothing to the others
		}
	}}
	_, _, err := script.train(t, g)
	var gone *dist.GoneError
	if !errors.As(err, &gone) || len(gone.Ranks) != 1 || gone.Ranks[0] != 1 || strings.Contains(err.Error(), "\n") {
		t.Errorf("process %d: %v, want a line that names process 1", g.Rank(), err)
	}
}
